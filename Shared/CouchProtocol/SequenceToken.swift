import JSON

/// What this house's own databases give out as update sequences: `N-incarnation`, or `N-incarnation-inner`.
///
/// The number orders the changes of one life of the database. A database that was deleted and made again, or restored
/// from a backup, lives anew, with another incarnation: numbers of an earlier life mean nothing to it, and are noticed.
package struct SequenceToken: Hashable, Sendable {
    /// How many bytes a token may have.
    package static let lengthLimit = 128

    /// How many changes came before, and which one was the last.
    package let number: Int
    /// The life of the database in which the number was given; nil when a client says a bare number.
    package let incarnation: String?
    /// How far a back-fill has come that belongs to the change after `number`.
    package let inner: Int?

    /// A place in the order of changes.
    package init(number: Int, incarnation: String?, inner: Int? = nil) {
        self.number = number
        self.incarnation = incarnation
        self.inner = inner
    }

    /// The token that a client sent, bare or as a JSON string; nil when it is none.
    package init?(parsing text: String) {
        guard text.utf8.count <= Self.lengthLimit else { return nil }
        var parts = text.utf8[...]
        if parts.count >= 2, parts.first == UInt8(ascii: "\""), parts.last == UInt8(ascii: "\"") {
            parts = parts.dropFirst().dropLast()
        }
        let pieces = parts.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard 1...3 ~= pieces.count, let first = pieces.first, let number = Self.integer(first) else { return nil }
        self.number = number
        guard pieces.count > 1 else {
            incarnation = nil
            inner = nil
            return
        }
        guard !pieces[1].isEmpty, pieces[1].allSatisfy(Self.isLetterOrDigit) else { return nil }
        incarnation = String(decoding: pieces[1], as: UTF8.self)
        if pieces.count == 3 {
            guard let inner = Self.integer(pieces[2]) else { return nil }
            self.inner = inner
        } else {
            inner = nil
        }
    }

    /// The token as clients get it.
    package var sequence: UpdateSequence {
        guard let incarnation else { return UpdateSequence(number) }
        return UpdateSequence("\(number)-\(incarnation)" + (inner.map { "-\($0)" } ?? ""))
    }

    private static func integer(_ digits: Substring.UTF8View) -> Int? {
        guard digits.allSatisfy({ 0x30...0x39 ~= $0 }) else { return nil }
        return Int(String(decoding: digits, as: UTF8.self))
    }

    private static func isLetterOrDigit(_ byte: UInt8) -> Bool {
        switch byte {
        case 0x30...0x39, 0x41...0x5A, 0x61...0x7A: true
        default: false
        }
    }
}

/// Where a client wants a feed to begin: the `since` parameter.
package enum Since: Hashable, Sendable {
    /// Behind the newest change.
    case now
    /// Behind that change.
    case after(SequenceToken)

    /// What the parameter says; an error names the value.
    package init(parsing text: String) throws(CouchError) {
        if text == "now" || text == "\"now\"" {
            self = .now
        } else if let token = SequenceToken(parsing: text) {
            self = .after(token)
        } else {
            throw .badRequest("Malformed sequence supplied in 'since' parameter.")
        }
    }
}
