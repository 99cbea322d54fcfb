import Foundation
import NIOCore

/// What a reader must know of a feed of changes to ask for the documents: found in the bytes, without parsing them.
struct FeedRows: Sendable {
    /// The ids and revisions, as `_bulk_get` wants them.
    private(set) var documents: [Slice] = []
    private let buffer: ByteBuffer

    /// Where an id and its revision are in the buffer.
    struct Slice: Sendable {
        let id: Range<Int>
        let revision: Range<Int>
    }

    init(_ buffer: ByteBuffer) {
        self.buffer = buffer
        documents = buffer.withUnsafeReadableBytes { bytes in
            var found: [Slice] = []
            var place = 0
            while let id = Self.text(after: #""id":""#, in: bytes, from: place),
                let revision = Self.text(after: #""rev":""#, in: bytes, from: id.upperBound)
            {
                found.append(Slice(id: id, revision: revision))
                place = revision.upperBound
            }
            return found
        }
    }

    /// The ids, for comparing.
    var ids: Set<String> {
        Set(documents.compactMap { buffer.getString(at: buffer.readerIndex + $0.id.lowerBound, length: $0.id.count) })
    }

    /// The requests for the bodies of all, some hundred documents each.
    func requests(size: Int = BenchDocuments.batch) -> [ByteBuffer] {
        stride(from: 0, to: documents.count, by: size).map { start in
            var request = ByteBuffer()
            request.writeString(#"{"docs":["#)
            for (index, slice) in documents[start..<min(start + size, documents.count)].enumerated() {
                request.writeString(index > 0 ? #",{"id":""# : #"{"id":""#)
                request.writeImmutableBuffer(piece(slice.id))
                request.writeString(#"","rev":""#)
                request.writeImmutableBuffer(piece(slice.revision))
                request.writeString(#""}"#)
            }
            request.writeString("]}")
            return request
        }
    }

    private func piece(_ range: Range<Int>) -> ByteBuffer {
        buffer.getSlice(at: buffer.readerIndex + range.lowerBound, length: range.count) ?? ByteBuffer()
    }

    /// The text from behind the mark to the next quotation mark; ids here need no escapes.
    private static func text(after mark: StaticString, in bytes: UnsafeRawBufferPointer, from start: Int) -> Range<Int>?
    {
        guard let beginning = bytes.place(after: mark, from: start),
            let end = bytes[beginning...].firstIndex(of: UInt8(ascii: "\""))
        else { return nil }
        return beginning..<end
    }
}

extension UnsafeRawBufferPointer {
    /// Where the text ends that comes first behind `start`.
    fileprivate func place(after mark: StaticString, from start: Int) -> Int? {
        let length = mark.utf8CodeUnitCount
        guard let base = baseAddress else { return nil }
        var place = start
        // The C library's search, so that looking at the answers costs next to nothing beside getting them.
        while place + length <= count,
            let found = memchr(base + place, Int32(mark.utf8Start[0]), count - length + 1 - place)
        {
            if memcmp(found, mark.utf8Start, length) == 0 { return UnsafeRawPointer(found) - base + length }
            place = UnsafeRawPointer(found) - base + 1
        }
        return nil
    }
}

extension ByteBuffer {
    /// How often the text stands in the bytes.
    func count(of mark: StaticString) -> Int {
        withUnsafeReadableBytes { bytes in
            var place = 0
            var count = 0
            while let next = bytes.place(after: mark, from: place) {
                count += 1
                place = next
            }
            return count
        }
    }
}
