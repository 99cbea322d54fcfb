package import JSON

/// A revision with the names of its ancestors, as far as they are known: the `_revisions` of a document.
public struct RevisionPath: Hashable, Sendable {
    /// The generation of the revision itself.
    public let start: Int
    /// The hashes of the revision and its ancestors, newest first; at least one, at most `start`.
    public let hashes: [RevisionHash]

    /// A revision of which no ancestors are known.
    public init(_ revision: RevisionID) {
        start = revision.generation
        hashes = [revision.hash]
    }

    /// A revision and its ancestors, newest first.
    public init(start: Int, hashes: [RevisionHash]) {
        precondition(!hashes.isEmpty && hashes.count <= start, "a path has one to `start` hashes")
        self.start = start
        self.hashes = hashes
    }

    /// The path that the value of a `_revisions` member says, with at most `limit` of its newest revisions.
    package init(parsing value: JSONValue, limit: Int) throws(CouchError) {
        guard let start = value["start"]?.intValue, 1...RevisionID.greatestGeneration ~= start else {
            throw .documentValidation("_revisions.start isn't an integer.")
        }
        guard let ids = value["ids"]?.arrayValue else {
            throw .documentValidation("_revisions.ids isn't a array.")
        }
        guard !ids.isEmpty else { throw .documentValidation("_revisions.ids is empty.") }
        guard ids.count <= start else {
            throw .documentValidation("_revisions.ids has more entries than _revisions.start says.")
        }
        var hashes: [RevisionHash] = []
        for id in ids.prefix(max(limit, 1)) {
            guard let text = id.stringValue else { throw .documentValidation("RevId isn't a string") }
            guard let hash = try? RevisionHash(parsing: text.utf8) else {
                throw .documentValidation("RevId isn't a valid hexadecimal")
            }
            hashes.append(hash)
        }
        self.start = start
        self.hashes = hashes
    }

    /// The revision itself.
    public var revision: RevisionID { RevisionID(generation: start, hash: hashes[0]) }

    /// The revision before it, when it is known.
    public var parent: RevisionID? {
        hashes.count > 1 ? RevisionID(generation: start - 1, hash: hashes[1]) : nil
    }

    /// The revision and its ancestors, newest first.
    public var revisions: [RevisionID] {
        hashes.enumerated().map { RevisionID(generation: start - $0.offset, hash: $0.element) }
    }

    /// The path of the revision that follows this one.
    public func appending(_ hash: RevisionHash) -> RevisionPath {
        RevisionPath(start: start + 1, hashes: [hash] + hashes)
    }

    /// This path with at most that many of its newest revisions.
    public func prefix(_ count: Int) -> RevisionPath {
        RevisionPath(start: start, hashes: Array(hashes.prefix(max(count, 1))))
    }

    /// The newest of these revisions that stands on this path.
    public func newest(of revisions: Set<RevisionID>) -> RevisionID? {
        self.revisions.first(where: revisions.contains)
    }

    /// The value of the `_revisions` member.
    package var json: JSONValue {
        ["start": .number(JSONNumber(start)), "ids": .array(hashes.map { .string($0.description) })]
    }

    /// Appends the value of the `_revisions` member.
    public func write(to output: inout [UInt8]) {
        output.append(contentsOf: #"{"start":"#.utf8)
        output.append(contentsOf: String(start).utf8)
        output.append(contentsOf: #","ids":["#.utf8)
        for (index, hash) in hashes.enumerated() {
            if index > 0 { output.append(UInt8(ascii: ",")) }
            output.append(UInt8(ascii: "\""))
            hash.write(to: &output)
            output.append(UInt8(ascii: "\""))
        }
        output.append(contentsOf: "]}".utf8)
    }
}
