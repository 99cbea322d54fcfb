import Compression
import CouchProtocol
import DocumentStore
import Hummingbird
import NIOCore

/// Gathers what is written to a client into pieces of some size, and holds no more than one.
///
/// Each piece is sent when the one before has gone: a client that does not read costs the memory of a piece.
struct PieceWriter {
    private static let pieceSize = 64 << 10

    private var writer: any ResponseBodyWriter
    private var buffer = ByteBuffer()

    init(_ writer: any ResponseBodyWriter) {
        self.writer = writer
    }

    @concurrent mutating func write(_ bytes: some Collection<UInt8>) async throws {
        buffer.writeBytes(bytes)
        if buffer.readableBytes >= Self.pieceSize { try await flush() }
    }

    /// Sends what is gathered.
    @concurrent mutating func flush() async throws {
        guard buffer.readableBytes > 0 else { return }
        try await writer.write(buffer)
        buffer = ByteBuffer()
    }

    /// Must be called at the end.
    @concurrent mutating func finish() async throws {
        try await flush()
        try await writer.finish(nil)
    }
}

// MARK: - Documents and contents

extension PieceWriter {
    /// Writes a content, or some of its bytes, as it is kept.
    @concurrent mutating func write(
        _ content: StoredContent,
        _ range: Range<Int>? = nil,
        from store: DocumentStore
    ) async throws {
        var reader = ContentReader(content, range, from: store)
        while let bytes = try await reader.next() { try await write(bytes) }
    }

    /// Writes the content of an attachment unpacked.
    @concurrent mutating func writeUnpacked(_ attachment: StoredAttachment, from store: DocumentStore) async throws {
        var reader = try UnpackingReader(attachment, from: store)
        while let bytes = try await reader.next() { try await write(bytes) }
    }

    /// Writes a document as JSON, with the contents that are to be within it.
    ///
    /// - Parameter attachments: Those of the revision, in the order in which the document shows them.
    @concurrent mutating func write(
        _ document: OutgoingDocument,
        _ attachments: [StoredAttachment],
        rules: DocumentRules,
        from store: DocumentStore
    ) async throws {
        for piece in document.pieces(rules: rules) {
            switch piece {
            case .text(let text): try await write(text)
            case .content(let place):
                var reader = try Base64Reader(attachments[place], from: store)
                while let text = try await reader.next() { try await write(text) }
            }
        }
    }
}

/// Reads the content of an attachment unpacked.
struct UnpackingReader {
    private var reader: ContentReader
    /// Nil for a content that is not packed.
    private let gunzip: Gunzip?

    init(_ attachment: StoredAttachment, from store: DocumentStore) throws {
        reader = ContentReader(attachment.content, from: store)
        gunzip = attachment.encoding == nil ? nil : try Gunzip()
    }

    /// The next bytes; nil at the end.
    mutating func next() async throws -> ArraySlice<UInt8>? {
        guard let gunzip else { return try await reader.next() }
        while true {
            if let bytes = try gunzip.next() { return bytes }
            guard let packed = try await reader.next() else {
                try gunzip.finish()
                return nil
            }
            gunzip.append(packed)
        }
    }
}

/// Reads the content of an attachment unpacked and as Base64.
struct Base64Reader {
    private var reader: UnpackingReader
    private var encoder = Base64Encoder()
    private var isAtEnd = false

    init(_ attachment: StoredAttachment, from store: DocumentStore) throws {
        reader = try UnpackingReader(attachment, from: store)
    }

    /// The next text; nil at the end.
    mutating func next() async throws -> [UInt8]? {
        guard !isAtEnd else { return nil }
        var text: [UInt8] = []
        if let bytes = try await reader.next() {
            encoder.append(bytes, to: &text)
        } else {
            encoder.finish(to: &text)
            isAtEnd = true
        }
        return text
    }
}
