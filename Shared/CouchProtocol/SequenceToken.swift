import JSON

/// What this house's own databases give out as update sequences: `N-incarnation`, or more numbers behind that.
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
    /// What else the store must know to go on from there; three numbers at most.
    package let details: [Int]

    /// How many characters of an incarnation stand in a token, which are enough to tell it from others: a token stands
    /// in every row of a feed.
    package static let incarnationLength = 8

    /// How many details a token has at most.
    private static let detailLimit = 3

    /// A place in the order of changes.
    package init(number: Int, incarnation: String?, details: [Int] = []) {
        self.number = number
        self.incarnation = incarnation
        self.details = details
    }

    /// The token that a client sent, bare or as a JSON string; nil when it is none.
    package init?(parsing text: String) {
        guard text.utf8.count <= Self.lengthLimit else { return nil }
        var parts = text.utf8[...]
        if parts.count >= 2, parts.first == UInt8(ascii: "\""), parts.last == UInt8(ascii: "\"") {
            parts = parts.dropFirst().dropLast()
        }
        let pieces = parts.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        guard 1...(2 + Self.detailLimit) ~= pieces.count, let first = pieces.first, let number = Self.integer(first)
        else { return nil }
        self.number = number
        guard pieces.count > 1 else {
            incarnation = nil
            details = []
            return
        }
        guard !pieces[1].isEmpty, pieces[1].allSatisfy(Self.isLetterOrDigit) else { return nil }
        incarnation = String(decoding: pieces[1], as: UTF8.self)
        details = pieces.dropFirst(2).compactMap(Self.integer)
        guard details.count == pieces.count - 2 else { return nil }
    }

    /// The token as clients get it.
    package var sequence: UpdateSequence {
        guard let incarnation else { return UpdateSequence(number) }
        return UpdateSequence("\(number)-\(incarnation)" + details.map { "-\($0)" }.joined())
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

extension UpdateSequence {
    /// The life of the database in which a place was given out; nil for places of servers that are not of this house.
    package var incarnation: String? {
        SequenceToken(parsing: text)?.incarnation.flatMap {
            $0.utf8.count == SequenceToken.incarnationLength ? $0 : nil
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
