/// The `Range` header of a request for an attachment, as CouchDB 3.5 understands it (`chttpd_db:parse_ranges/3`).
package enum ByteRange {
    /// A header with more ranges than that is ignored, as in CouchDB.
    private static let countLimit = 9

    /// The ranges that are asked for of a content of that length.
    ///
    /// - Returns: Nil when the whole is to be sent: no header, one that makes no sense, one that asks for everything
    ///   (`0-`), or one with too many ranges.
    /// - Throws: `requested_range_not_satisfiable` when a range lies outside of the content.
    package static func ranges(_ header: String?, length: Int) throws(CouchError) -> [Range<Int>]? {
        guard let header, header.hasPrefix("bytes=") else { return nil }
        var result: [Range<Int>] = []
        for text in header.dropFirst("bytes=".count).split(separator: ",", omittingEmptySubsequences: false) {
            let ends = text.split(separator: "-", maxSplits: 1, omittingEmptySubsequences: false).map(trimmed)
            guard ends.count == 2 else { return nil }
            let (first, last) = (number(ends[0]), number(ends[1]))
            guard ends[0].isEmpty || first != nil, ends[1].isEmpty || last != nil else { return nil }
            switch (first, last) {
            case (nil, nil): return nil
            case (0, nil): return nil
            case (nil, let count?):
                // The last bytes; more than there are is all of them.
                guard count > 0, length > 0 else { throw .rangeNotSatisfiable }
                result.append(max(0, length - count)..<length)
            case (let from?, let to):
                let end = min(to ?? length - 1, length - 1)
                guard from <= end else { throw .rangeNotSatisfiable }
                result.append(from..<end + 1)
            }
        }
        return result.isEmpty || result.count > countLimit ? nil : result
    }

    /// The value of the `Content-Range` header.
    package static func contentRange(_ range: Range<Int>, of length: Int) -> String {
        "bytes \(range.lowerBound)-\(range.upperBound - 1)/\(length)"
    }

    private static func trimmed(_ text: Substring) -> String { String(text.filter { $0 != " " && $0 != "\t" }) }

    /// A whole number of digits alone.
    private static func number(_ text: String) -> Int? {
        text.utf8.allSatisfy { 0x30...0x39 ~= $0 } ? Int(text) : nil
    }
}
