import JSON

/// The text in which a host gives the outcomes of a batch.
///
/// One entry for each call, documents first and functions within them: for a map the number of rows on a line of its
/// own and then, each on a line, the key and the value of each row; for a filter `1` or `0`; and for a call that
/// failed `!` and the error as JSON; for a reduce the reductions, each on a line. No compact JSON text contains a line
/// feed.
package enum OutcomeText {
    private static let lineFeed = UInt8(ascii: "\n")
    private static let failure = UInt8(ascii: "!")

    /// Appends the entry of a call that failed.
    package static func append(_ error: ScriptError, to text: inout [UInt8]) {
        text.append(failure)
        JSONValue.object(error.json).write(to: &text)
        text.append(lineFeed)
    }

    /// Appends the entry of a filter's answer.
    package static func append(_ passes: Bool, to text: inout [UInt8]) {
        text.append(UInt8(ascii: passes ? "1" : "0"))
        text.append(lineFeed)
    }

    /// Reads the outcomes of `documents` times `functions` calls of maps.
    static func maps(
        _ text: ArraySlice<UInt8>,
        documents: Int,
        functions: Int
    ) throws(FrameError) -> [[MapOutcome]] {
        var rest = text
        var outcomes: [[MapOutcome]] = []
        outcomes.reserveCapacity(documents)
        for _ in 0..<documents {
            var ofDocument: [MapOutcome] = []
            ofDocument.reserveCapacity(functions)
            for _ in 0..<functions { ofDocument.append(try map(&rest)) }
            outcomes.append(ofDocument)
        }
        guard rest.isEmpty else { throw .malformed("more rows than calls") }
        return outcomes
    }

    /// Reads the outcomes of that many calls of a filter.
    static func filters(_ text: ArraySlice<UInt8>, documents: Int) throws(FrameError) -> [FilterOutcome] {
        var rest = text
        var outcomes: [FilterOutcome] = []
        outcomes.reserveCapacity(documents)
        for _ in 0..<documents {
            let line = try line(&rest)
            switch line.first {
            case UInt8(ascii: "1"): outcomes.append(.passes)
            case UInt8(ascii: "0"): outcomes.append(.doesNotPass)
            default: outcomes.append(.failed(try error(line)))
            }
        }
        guard rest.isEmpty else { throw .malformed("more answers than calls") }
        return outcomes
    }

    /// Reads the reductions of that many groups.
    static func reductions(_ text: ArraySlice<UInt8>, groups: Int) throws(FrameError) -> [[UInt8]] {
        var rest = text
        var reductions: [[UInt8]] = []
        reductions.reserveCapacity(groups)
        for _ in 0..<groups { reductions.append(Array(try line(&rest))) }
        guard rest.isEmpty else { throw .malformed("more reductions than groups") }
        return reductions
    }

    private static func map(_ rest: inout ArraySlice<UInt8>) throws(FrameError) -> MapOutcome {
        let head = try line(&rest)
        guard head.first != failure else { return .failed(try error(head)) }
        // Each row takes two line feeds at least, so a count that is beyond the rest is no count.
        guard let count = number(head), count <= rest.count / 2 else { throw .malformed("no number of rows") }
        var rows: [MapRow] = []
        rows.reserveCapacity(count)
        for _ in 0..<count { rows.append(MapRow(key: try line(&rest), value: try line(&rest))) }
        return .rows(rows)
    }

    private static func number(_ digits: ArraySlice<UInt8>) -> Int? {
        guard !digits.isEmpty, digits.count < 10 else { return nil }
        var result = 0
        for digit in digits {
            guard (0x30...0x39).contains(digit) else { return nil }
            result = result * 10 + Int(digit - 0x30)
        }
        return result
    }

    private static func line(_ rest: inout ArraySlice<UInt8>) throws(FrameError) -> ArraySlice<UInt8> {
        guard let end = rest.firstIndex(of: lineFeed) else { throw .malformed("rows that end too early") }
        defer { rest = rest[(end + 1)...] }
        return rest[..<end]
    }

    private static func error(_ line: ArraySlice<UInt8>) throws(FrameError) -> ScriptError {
        guard line.first == failure, let json = try? JSONValue(parsing: Array(line.dropFirst())) else {
            throw .malformed("neither rows nor an error")
        }
        return try ScriptError(json: json)
    }
}
