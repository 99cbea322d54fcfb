// A tree as bytes, for a database column: a version, the number of nodes, and the nodes in their order.
extension RevisionTree where Payload: BinaryCodable {
    /// How many nodes bytes may claim to hold.
    private static var nodeLimit: Int { 1_000_000 }

    private static var version: UInt8 { 1 }

    /// The tree as bytes; equal trees give equal bytes.
    public var encoded: [UInt8] {
        var output: [UInt8] = [Self.version]
        output.reserveCapacity(4 + nodes.count * 36)
        output.append(integer: nodes.count)
        var generation = 0
        for node in nodes {
            // Generations rise with the order, so the difference is nearly always 0 or 1.
            output.append(integer: node.id.generation - generation)
            generation = node.id.generation
            output.append(
                node.status.rawValue | (node.parentHash == nil ? 0 : 0x10) | (node.payload == nil ? 0 : 0x20)
            )
            node.id.hash.encode(into: &output)
            node.parentHash?.encode(into: &output)
            node.payload?.encode(into: &output)
        }
        return output
    }

    /// The tree that ``encoded`` made these bytes of.
    public init(decoding bytes: [UInt8]) throws(BinaryDecodingError) {
        var reader = BinaryReader(bytes)
        guard try reader.byte() == Self.version else { throw BinaryDecodingError("a revision tree of another version") }
        let count = try reader.integer()
        guard count <= Self.nodeLimit else { throw BinaryDecodingError("a revision tree of too many nodes") }
        var generation = 0
        nodes.reserveCapacity(min(count, bytes.count))
        for _ in 0..<count {
            let step = try reader.integer()
            guard step <= RevisionID.greatestGeneration - generation else {
                throw BinaryDecodingError("a revision of too great a generation")
            }
            generation += step
            let flags = try reader.byte()
            guard let status = Status(rawValue: flags & 0xF) else { throw BinaryDecodingError("an unknown status") }
            let node = Node(
                id: RevisionID(generation: generation, hash: try RevisionHash(from: &reader)),
                parentHash: flags & 0x10 == 0 ? nil : try RevisionHash(from: &reader),
                status: status,
                payload: flags & 0x20 == 0 ? nil : try Payload(from: &reader)
            )
            guard nodes.last.map({ $0.id < node.id }) ?? true else {
                throw BinaryDecodingError("revisions out of order")
            }
            nodes.append(node)
        }
        guard reader.isAtEnd else { throw BinaryDecodingError("bytes behind the last revision") }
    }
}

extension RevisionHash: BinaryCodable {
    public func encode(into output: inout [UInt8]) {
        switch self {
        case .digest(let high, let low):
            output.append(0)
            for half in [high, low] {
                for shift in stride(from: UInt64(56), through: 0, by: -8) {
                    output.append(UInt8(truncatingIfNeeded: half >> shift))
                }
            }
        case .text(let bytes):
            output.append(UInt8(bytes.count))
            output.append(contentsOf: bytes)
        }
    }

    public init(from reader: inout BinaryReader) throws(BinaryDecodingError) {
        let length = try reader.byte()
        if length == 0 {
            self.init(digest: try reader.bytes(16))
        } else {
            self = .text(Array(try reader.bytes(Int(length))))
        }
    }
}
