import JSON

/// What a statement gave, in the values that sequences know.
struct SQLResult: Sendable {
    /// None for a statement without rows.
    var columns: [String]
    var rows: [[JSONValue]]
    /// How many rows were read or changed; nil when the database does not say.
    var count: Int?

    /// `{"rows": [{…}], "count": n}`.
    ///
    /// A column whose name stands already gets a number: `id`, `id_2`.
    var json: JSONValue {
        var seen: [String: Int] = [:]
        let names = columns.map { name in
            let times = seen[name, default: 0] + 1
            seen[name] = times
            return times == 1 ? name : "\(name)_\(times)"
        }
        let objects = rows.map { row in JSONValue.object(JSONObject(Array(zip(names, row)))) }
        return ["rows": .array(objects), "count": count.map { .number(JSONNumber($0)) } ?? .null]
    }
}

/// What the statements of a transaction gave, as the sequence sees it.
enum SQLAnswer {
    /// One statement answers `{"rows", "count"}`, with `more` when it gave several results; a list of them answers
    /// `{"results": [{"rows", "count"}, …]}` with all in order.
    static func value(of results: [[SQLResult]], isList: Bool) -> JSONValue {
        let all = results.flatMap { $0 }.map(\.json)
        if isList { return ["results": .array(all)] }
        guard let first = all.first, case .object(var object) = first else { return ["rows": [], "count": .null] }
        if all.count > 1 { object["more"] = .array(Array(all.dropFirst())) }
        return .object(object)
    }

    /// A number as a database writes it, as exact JSON: `.5` is 0.5; what is no number stays text.
    static func number(_ text: String) -> JSONValue {
        var digits = Substring(text)
        var sign = ""
        if digits.hasPrefix("-") || digits.hasPrefix("+") {
            sign = digits.hasPrefix("-") ? "-" : ""
            digits = digits.dropFirst()
        }
        let parts = digits.split(separator: ".", maxSplits: 1, omittingEmptySubsequences: false)
        let whole = parts[0].drop { $0 == "0" }
        let tail = parts.count > 1 ? parts[1] : ""
        let fraction = tail.prefix { $0.isASCII && $0.isNumber }
        let exponent = tail.isEmpty ? "" : tail[fraction.endIndex...]
        let isNumber =
            !(parts[0].isEmpty && fraction.isEmpty) && parts[0].allSatisfy { $0.isASCII && $0.isNumber }
            && (exponent.isEmpty || isExponent(exponent))
        guard isNumber else { return exponentialNumber(text) }
        let body = (whole.isEmpty ? "0" : String(whole)) + (fraction.isEmpty ? "" : ".\(fraction)") + exponent
        return .number(JSONNumber(validText: sign + body))
    }

    /// `1e+20`, as databases write large fractions.
    private static func exponentialNumber(_ text: String) -> JSONValue {
        guard let value = try? JSONValue(parsing: Array(text.utf8)), case .number = value else {
            return .string(text)
        }
        return value
    }

    private static func isExponent(_ text: Substring) -> Bool {
        guard text.first == "e" || text.first == "E" else { return false }
        let digits = text.dropFirst().drop { $0 == "+" || $0 == "-" }
        return !digits.isEmpty && digits.count >= text.count - 2 && digits.allSatisfy { $0.isASCII && $0.isNumber }
    }

    /// A fraction; what JSON has no number for is its name.
    static func number(_ value: Double) -> JSONValue {
        value.isFinite ? .number(JSONNumber(value)) : .string("\(value)")
    }
}
