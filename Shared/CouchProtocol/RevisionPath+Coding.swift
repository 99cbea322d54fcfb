// A path as bytes, for a database column: the generation, the number of hashes, and the hashes.
extension RevisionPath: BinaryCodable {
    public func encode(into output: inout [UInt8]) {
        output.append(integer: start)
        output.append(integer: hashes.count)
        for hash in hashes { hash.encode(into: &output) }
    }

    public init(from reader: inout BinaryReader) throws(BinaryDecodingError) {
        let start = try reader.integer()
        let count = try reader.integer()
        guard 1...RevisionID.greatestGeneration ~= start, 1...start ~= count else {
            throw BinaryDecodingError("a path that is none")
        }
        var hashes: [RevisionHash] = []
        for _ in 0..<count { hashes.append(try RevisionHash(from: &reader)) }
        self.init(start: start, hashes: hashes)
    }
}
