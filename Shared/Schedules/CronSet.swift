/// The values that one field of a cron expression names, as bits.
struct CronSet: Sendable, Hashable {
    private(set) var bits: UInt64 = 0
    let field: CronField

    /// The values of a list like `1,5-10,20/5`.
    init(_ text: String, of field: CronField) throws(CronError) {
        self.field = field
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        guard parts.count <= 100 else { throw CronError("the field of \(field.name) has more than 100 parts") }
        for part in parts {
            try add(part)
        }
    }

    /// No value.
    init(of field: CronField) {
        self.field = field
    }

    /// Whether the value is named.
    func contains(_ value: Int) -> Bool {
        value >= 0 && value < 64 && bits & (1 << UInt64(value)) != 0
    }

    /// Whether every value of the field is named.
    var isEveryValue: Bool { field.range.allSatisfy(contains) }

    /// The least named value that is at least this one.
    func first(from value: Int) -> Int? {
        guard value < 64 else { return nil }
        let rest = bits & (~0 << UInt64(max(0, value)))
        return rest == 0 ? nil : rest.trailingZeroBitCount
    }

    /// Adds a value, a range, or either with a step.
    mutating func add(_ part: Substring) throws(CronError) {
        let pieces = part.split(separator: "/", omittingEmptySubsequences: false)
        guard pieces.count <= 2, let base = pieces.first, !base.isEmpty else {
            throw CronError("'\(part)' in the field of \(field.name)")
        }
        var step = 1
        if pieces.count == 2 {
            guard let value = Int(pieces[1]), value > 0 else {
                throw CronError("the step '\(pieces[1])' in the field of \(field.name) must be a whole number above 0")
            }
            guard value <= field.range.upperBound - field.range.lowerBound + 1 else {
                throw CronError("the step \(value) is larger than the field of \(field.name)")
            }
            step = value
        }
        let (first, last) = try bounds(base, hasStep: pieces.count == 2)
        let width = field.range.upperBound - field.range.lowerBound + 1
        let end = last >= first ? last : last + width
        for value in stride(from: first, through: end, by: step) {
            bits |= 1 << UInt64(field.normalized(value > field.range.upperBound ? value - width : value))
        }
    }

    private func bounds(_ base: Substring, hasStep: Bool) throws(CronError) -> (Int, Int) {
        if base == "*" || base == "?" && field.allowsQuestionMark {
            return (field.range.lowerBound, field.range.upperBound)
        }
        let ends = base.split(separator: "-", omittingEmptySubsequences: false)
        switch ends.count {
        case 1:
            let value = try field.value(base)
            return (value, hasStep ? field.range.upperBound : value)
        case 2: return (try field.value(ends[0]), try field.rangeEnd(ends[1]))
        default: throw CronError("'\(base)' in the field of \(field.name)")
        }
    }
}

/// One of the fields of a cron expression.
enum CronField: Sendable, Hashable {
    case seconds
    case minutes
    case hours
    case daysOfMonth
    case months
    case daysOfWeek

    /// The name in messages.
    var name: String {
        switch self {
        case .seconds: "seconds"
        case .minutes: "minutes"
        case .hours: "hours"
        case .daysOfMonth: "days of the month"
        case .months: "months"
        case .daysOfWeek: "days of the week"
        }
    }

    /// The values, each once.
    var range: ClosedRange<Int> {
        switch self {
        case .seconds, .minutes: 0...59
        case .hours: 0...23
        case .daysOfMonth: 1...31
        case .months: 1...12
        case .daysOfWeek: 0...6
        }
    }

    var allowsQuestionMark: Bool { self == .daysOfMonth || self == .daysOfWeek }

    private var names: [String] {
        switch self {
        case .months: ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
        case .daysOfWeek: ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
        default: []
        }
    }

    /// The value that a number or name stands for; 7 is Sunday.
    func value(_ text: Substring) throws(CronError) -> Int {
        normalized(try rangeEnd(text))
    }

    /// The value of a range's end, where 7 is the Sunday after the week's other days.
    func rangeEnd(_ text: Substring) throws(CronError) -> Int {
        if let index = names.firstIndex(of: String(text)) { return index + range.lowerBound }
        let upperBound = self == .daysOfWeek ? 7 : range.upperBound
        guard text.utf8.allSatisfy({ (0x30...0x39).contains($0) }), let value = Int(text) else {
            throw CronError("'\(text)' in the field of \(name), expected \(range.lowerBound) to \(upperBound)\(hint)")
        }
        guard (range.lowerBound...upperBound).contains(value) else {
            throw CronError("\(value) in the field of \(name), expected \(range.lowerBound) to \(upperBound)\(hint)")
        }
        return value
    }

    private var hint: String {
        names.isEmpty ? "" : " or \(names[0]) to \(names[names.count - 1])"
    }

    /// The value with Sunday as 0 only.
    func normalized(_ value: Int) -> Int {
        self == .daysOfWeek && value == 7 ? 0 : value
    }
}
