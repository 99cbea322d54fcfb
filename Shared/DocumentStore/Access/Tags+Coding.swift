package import CouchProtocol
import JSON

/// Tags are what the store keeps at each leaf of a revision tree.
extension Tags: BinaryCodable {
    package func encode(into output: inout [UInt8]) {
        output.append(integer: owner == nil ? 0 : 1)
        for text in (owner.map { [$0] } ?? []) {
            output.append(integer: text.utf8.count)
            output.append(contentsOf: text.utf8)
        }
        output.append(integer: groups.count)
        for group in groups {
            output.append(integer: group.utf8.count)
            output.append(contentsOf: group.utf8)
        }
    }

    package init(from reader: inout BinaryReader) throws(BinaryDecodingError) {
        self.init()
        if try reader.integer() > 0 { owner = try Self.text(from: &reader) }
        for _ in 0..<(try reader.integer()) { groups.append(try Self.text(from: &reader)) }
    }

    private static func text(from reader: inout BinaryReader) throws(BinaryDecodingError) -> String {
        String(decoding: try reader.bytes(try reader.integer()), as: UTF8.self)
    }
}
