/// The name of one revision of a document: how many edits led to it, and a hash of the last of them (`3-917fa2…`).
///
/// Ordered as CouchDB orders them, by generation and then by the bytes of the hash: of two branches that are both
/// alive the greatest wins, on every replica.
public struct RevisionID: Hashable, Sendable {
    /// The greatest generation: what a double, and so a JavaScript client, counts exactly.
    public static let greatestGeneration = 1 << 53
    /// The greatest generation that a store takes: what follows such a revision can still be named.
    package static let greatestWrittenGeneration = 1 << 52

    /// How many edits led to the revision, from 1.
    public let generation: Int
    /// The hash of the edit.
    public let hash: RevisionHash

    /// The revision of that generation with that hash.
    public init(generation: Int, hash: RevisionHash) {
        self.generation = generation
        self.hash = hash
    }

    /// The revision that the text `generation-hash` names.
    public init(parsing text: String) throws(CouchError) {
        let bytes = text.utf8
        guard let dash = bytes.firstIndex(of: UInt8(ascii: "-")) else { throw .invalidRevision }
        let digits = bytes[..<dash]
        guard digits.allSatisfy({ 0x30...0x39 ~= $0 }), let generation = Int(String(decoding: digits, as: UTF8.self)),
            1...Self.greatestGeneration ~= generation
        else { throw .invalidRevision }
        self.generation = generation
        hash = try RevisionHash(parsing: bytes[bytes.index(after: dash)...])
    }

    /// The revision that bytes name, as ``write(to:)`` writes it; for stores, which read one with every row.
    public init(parsing bytes: Span<UInt8>) throws(CouchError) {
        var generation = 0
        var place = 0
        while place < bytes.count, case let digit = bytes[place] &- UInt8(ascii: "0"), digit <= 9 {
            generation = generation * 10 + Int(digit)
            guard generation <= Self.greatestGeneration else { throw .invalidRevision }
            place += 1
        }
        guard generation > 0, place < bytes.count, bytes[place] == UInt8(ascii: "-") else { throw .invalidRevision }
        self.generation = generation
        hash = try RevisionHash(parsing: bytes, from: place + 1)
    }

    /// Appends the revision as it is written.
    public func write(to output: inout [UInt8]) {
        output.append(contentsOf: String(generation).utf8)
        output.append(UInt8(ascii: "-"))
        hash.write(to: &output)
    }
}

extension RevisionID: Comparable, CustomStringConvertible {
    public static func < (lhs: RevisionID, rhs: RevisionID) -> Bool {
        lhs.generation != rhs.generation ? lhs.generation < rhs.generation : lhs.hash < rhs.hash
    }

    public var description: String {
        var output: [UInt8] = []
        output.reserveCapacity(48)
        write(to: &output)
        return String(decoding: output, as: UTF8.self)
    }
}
