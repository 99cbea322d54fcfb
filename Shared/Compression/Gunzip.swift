import CZlib

/// The bytes are not what gzip writes.
package struct GzipError: Error, Hashable, Sendable {}

/// Unpacks a gzip content (RFC 1952) that comes in pieces, in memory that does not grow with it.
package final class Gunzip {
    /// How many bytes are handed over at once.
    private static let pieceSize = 64 << 10
    /// The window of zlib, and 16 for gzip's frame.
    private static let windowBits: Int32 = 15 + 16

    private var stream = z_stream()
    private var isAtEnd = false

    package init() throws(GzipError) {
        guard fullsync_inflate_init(&stream, Self.windowBits) == Z_OK else { throw GzipError() }
    }

    deinit { inflateEnd(&stream) }

    /// Takes the next bytes and hands over what they unpack to.
    ///
    /// - Throws: ``GzipError``, or what `deliver` throws.
    package func append(_ bytes: ArraySlice<UInt8>, deliver: (ArraySlice<UInt8>) async throws -> Void) async throws {
        var rest = bytes
        while !rest.isEmpty, !isAtEnd {
            let (piece, taken) = try inflate(rest)
            rest = rest.dropFirst(taken)
            if !piece.isEmpty { try await deliver(piece[...]) }
            guard taken > 0 || !piece.isEmpty else { throw GzipError() }
        }
        // What zlib holds back of a piece that was full comes without further input.
        while !isAtEnd {
            let (piece, _) = try inflate([])
            guard !piece.isEmpty else { break }
            try await deliver(piece[...])
        }
    }

    /// Must be called behind the last bytes.
    package func finish() throws(GzipError) {
        guard isAtEnd else { throw GzipError() }
    }

    /// Unpacks until the input is used up or a piece is full; how much of the input was used.
    private func inflate(_ bytes: ArraySlice<UInt8>) throws(GzipError) -> (piece: [UInt8], taken: Int) {
        var input = Array(bytes)
        var status: Int32 = Z_OK
        let piece = [UInt8](unsafeUninitializedCapacity: Self.pieceSize) { output, count in
            input.withUnsafeMutableBufferPointer { source in
                stream.next_in = source.baseAddress
                stream.avail_in = UInt32(source.count)
                stream.next_out = output.baseAddress
                stream.avail_out = UInt32(output.count)
                status = CZlib.inflate(&stream, Z_NO_FLUSH)
                count = output.count - Int(stream.avail_out)
            }
        }
        let taken = bytes.count - Int(stream.avail_in)
        stream.next_in = nil
        stream.next_out = nil
        switch status {
        case Z_STREAM_END: isAtEnd = true
        // There was nothing to do, which is no error.
        case Z_OK, Z_BUF_ERROR: break
        default: throw GzipError()
        }
        return (piece, taken)
    }
}
