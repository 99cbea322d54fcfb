import Foundation
import JSON

/// `date: moment`, `add: {days: 1}`, `zone: Europe/Madrid`, `format: yyyy-MM-dd`, `as: name`: a moment as a text.
///
/// The moment is a text as ISO 8601 writes it, or the milliseconds since 1970; without one it is the present. `add` has
/// numbers by unit, applied in the zone's calendar from years to milliseconds. `format` is `iso` (the standard),
/// `milliseconds` (a number), or a pattern of Unicode (<https://unicode.org/reports/tr35/tr35-dates.html>).
struct DateStep: ValueStep {
    static let keyword = "date"

    let input: Template
    let zone: TimeZone
    let format: MomentFormat
    let resultName: String

    init?(reading members: inout StepMembers) {
        let moment = Template(members.value())
        input = .list([moment, members.template("add") ?? .literal([:])])
        zone = Self.zone(members.node("zone"), members.problems)
        format = Self.format(members.node("format"), members)
        guard let name = members.resultName() else { return nil }
        resultName = name
    }

    private static func zone(_ node: SourceNode?, _ problems: ProblemCollector) -> TimeZone {
        guard let node else { return .gmt }
        if let zone = node.string.flatMap(TimeZone.init(identifier:)) { return zone }
        problems.report("'zone' must be a time zone of the IANA database, like Europe/Madrid", at: node.position)
        return .gmt
    }

    private static func format(_ node: SourceNode?, _ members: StepMembers) -> MomentFormat {
        guard let node, !members.refusesExpression(node, of: "format") else { return .iso }
        if let format = node.string.flatMap(MomentFormat.init) { return format }
        members.problems.report(
            "'format' must be iso, milliseconds, or a pattern like dd.MM.yyyy of at most "
                + "\(MomentFormat.patternLimit) characters",
            at: node.position
        )
        return .iso
    }

    func result(of input: JSONValue, at site: StepSite, of execution: Execution) throws(SequenceFailure) -> JSONValue {
        let operands = input.arrayValue ?? []
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = zone
        calendar.locale = Locale(identifier: "en_US_POSIX")
        let moment = try Self.moment(operands.first ?? .null, execution, calendar)
        let moved = try MomentShift(operands.last ?? .null).applied(to: moment, calendar)
        guard MomentFormat.span.contains(moved) else {
            throw SequenceFailure(code: .invalidValue, message: "the moment is not between the years 1 and 9999")
        }
        return format.value(of: moved, calendar)
    }

    private static func moment(
        _ value: JSONValue,
        _ execution: Execution,
        _ calendar: Calendar
    ) throws(SequenceFailure) -> Date {
        switch value {
        case .null: return Date(timeIntervalSince1970: Double(execution.effects.currentTime) / 1_000)
        case .number(let number): return Date(timeIntervalSince1970: number.double / 1_000)
        case .string(let text):
            if let moment = MomentFormat.moment(of: text, calendar) { return moment }
            throw SequenceFailure(
                code: .invalidValue,
                message: "the text is no moment of ISO 8601, like 2026-11-26T10:00:00Z",
                details: ["text": .string(String(text.prefix(100)))]
            )
        default:
            throw SequenceFailure(
                code: .invalidValue,
                message: "'date' needs a text or a number, found \(value.typeName)"
            )
        }
    }
}

/// How far a moment is moved, by units.
struct MomentShift {
    private var amounts: [(unit: Calendar.Component, count: Int)] = []
    private var milliseconds = 0

    /// In the order in which they are applied.
    private static let units: [(name: String, unit: Calendar.Component)] = [
        ("years", .year), ("months", .month), ("weeks", .weekOfYear), ("days", .day), ("hours", .hour),
        ("minutes", .minute), ("seconds", .second),
    ]
    private static let countLimit = 1_000_000_000

    init(_ value: JSONValue) throws(SequenceFailure) {
        guard let members = value.objectValue else {
            throw SequenceFailure(code: .invalidValue, message: "'add' needs an object, like {days: 1}")
        }
        let known = Self.units.map(\.name) + ["milliseconds"]
        for (name, value) in members {
            guard known.contains(name), let count = value.intValue, count.magnitude <= Self.countLimit else {
                throw SequenceFailure(
                    code: .invalidValue,
                    message: "'add' takes whole numbers of \(known.joined(separator: ", ")); '\(name)' is none"
                )
            }
        }
        amounts = Self.units.compactMap { unit in members[unit.name]?.intValue.map { (unit: unit.unit, count: $0) } }
        milliseconds = members["milliseconds"]?.intValue ?? 0
    }

    func applied(to moment: Date, _ calendar: Calendar) throws(SequenceFailure) -> Date {
        var moved = moment
        for (unit, count) in amounts {
            guard MomentFormat.span.contains(moved), let next = calendar.date(byAdding: unit, value: count, to: moved)
            else { throw SequenceFailure(code: .invalidValue, message: "the moment is out of the calendar") }
            moved = next
        }
        return moved.addingTimeInterval(Double(milliseconds) / 1_000)
    }
}

/// How a moment is written.
enum MomentFormat: Sendable, Hashable {
    case iso
    case milliseconds
    case pattern(String)

    static let patternLimit = 100
    /// The years 1 to 9999.
    static let span = Date(timeIntervalSince1970: -62_135_596_800)..<Date(timeIntervalSince1970: 253_402_300_800)

    init?(_ text: String) {
        switch text {
        case "iso": self = .iso
        case "milliseconds": self = .milliseconds
        case "": return nil
        default:
            guard text.count <= Self.patternLimit else { return nil }
            self = .pattern(text)
        }
    }

    func value(of moment: Date, _ calendar: Calendar) -> JSONValue {
        switch self {
        case .milliseconds: .number(JSONNumber(Int((moment.timeIntervalSince1970 * 1_000).rounded())))
        case .iso: .string(Self.formatter("yyyy-MM-dd'T'HH:mm:ss.SSSXXXXX", calendar).string(from: moment))
        case .pattern(let pattern): .string(Self.formatter(pattern, calendar).string(from: moment))
        }
    }

    /// The moment that a text of ISO 8601 means; one without a zone is meant in the calendar's.
    static func moment(of text: String, _ calendar: Calendar) -> Date? {
        guard text.utf8.count <= patternLimit else { return nil }
        for pattern in readPatterns {
            if let moment = formatter(pattern, calendar).date(from: text) { return moment }
        }
        return nil
    }

    private static let readPatterns = [
        "yyyy-MM-dd'T'HH:mm:ss.SSSXXXXX", "yyyy-MM-dd'T'HH:mm:ssXXXXX", "yyyy-MM-dd'T'HH:mmXXXXX",
        "yyyy-MM-dd'T'HH:mm:ss.SSS", "yyyy-MM-dd'T'HH:mm:ss", "yyyy-MM-dd'T'HH:mm", "yyyy-MM-dd",
    ]

    private static func formatter(_ pattern: String, _ calendar: Calendar) -> DateFormatter {
        let formatter = DateFormatter()
        formatter.calendar = calendar
        formatter.timeZone = calendar.timeZone
        formatter.locale = calendar.locale
        formatter.isLenient = false
        formatter.dateFormat = pattern
        return formatter
    }
}
