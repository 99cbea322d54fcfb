extension Schedule: CustomStringConvertible {
    /// As operators read it: `every 600 s`, `cron 0 0 6 * * MON in Europe/Paris`, `at 2026-12-01T06:00:00Z`.
    package var description: String {
        switch self {
        case .cron(let expression, let zone): "cron \(expression.text) in \(zone.identifier)"
        case .every(let seconds, _): "every \(seconds) s"
        case .at(let time): "at \(time)"
        }
    }
}
