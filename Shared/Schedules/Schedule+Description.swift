extension Schedule: CustomStringConvertible {
    /// As it is kept, to tell whether it has changed.
    ///
    /// Like `every 600 s`, `cron 0 0 6 * * MON in Europe/Paris` or `at 2026-12-01T06:00:00Z`.
    package var description: String {
        switch self {
        case .cron(let expression, let zone): "cron \(expression.text) in \(zone.identifier)"
        case .every(let seconds, _): "every \(seconds) s"
        case .at(let time): "at \(time)"
        }
    }

    /// As operators read it, and write it in project files: `every 10m` for the description's `every 600 s`.
    package var shortText: String {
        guard case .every(let seconds, _) = self else { return description }
        for (unit, length) in [("d", 86_400), ("h", 3_600), ("m", 60)] where seconds % length == 0 {
            return "every \(seconds / length)\(unit)"
        }
        return "every \(seconds)s"
    }
}
