import CZlib

/// The bytes are not what gzip writes.
package struct GzipError: Error, Hashable, Sendable {}

/// Unpacks a gzip content (RFC 1952) that comes in pieces, in memory that does not grow with it: all of its members, of
/// which there are several as a rule only where files were put together.
package final class Gunzip {
    /// How many bytes are given out at once.
    private static let pieceSize = 64 << 10
    /// The window of zlib, and 16 for gzip's frame.
    private static let windowBits: Int32 = 15 + 16

    private var stream = z_stream()
    private var input: [UInt8] = []
    private var position = 0
    private var isAtEnd = false

    package init() throws(GzipError) {
        guard fullsync_inflate_init(&stream, Self.windowBits) == Z_OK else { throw GzipError() }
    }

    deinit { inflateEnd(&stream) }

    /// Takes the next bytes; what was taken before must have been given out.
    package func append(_ bytes: ArraySlice<UInt8>) {
        input.removeFirst(position)
        input += bytes
        position = 0
    }

    /// The next bytes of what was packed; nil when that takes more input.
    package func next() throws(GzipError) -> ArraySlice<UInt8>? {
        while true {
            if isAtEnd {
                // Another member follows.
                guard position < input.count else { return nil }
                guard inflateReset(&stream) == Z_OK else { throw GzipError() }
                isAtEnd = false
            }
            let piece = try inflatePiece()
            guard piece.isEmpty else { return piece[...] }
            guard isAtEnd else { return nil }
        }
    }

    private func inflatePiece() throws(GzipError) -> [UInt8] {
        var status: Int32 = Z_OK
        let piece = [UInt8](unsafeUninitializedCapacity: Self.pieceSize) { output, count in
            input.withUnsafeMutableBufferPointer { source in
                stream.next_in = source.baseAddress.map { $0 + position }
                stream.avail_in = UInt32(source.count - position)
                stream.next_out = output.baseAddress
                stream.avail_out = UInt32(output.count)
                status = inflate(&stream, Z_NO_FLUSH)
                count = output.count - Int(stream.avail_out)
                position = source.count - Int(stream.avail_in)
            }
        }
        stream.next_in = nil
        stream.next_out = nil
        switch status {
        case Z_STREAM_END: isAtEnd = true
        // There was nothing to do, which is no error.
        case Z_OK, Z_BUF_ERROR: break
        default: throw GzipError()
        }
        return piece
    }

    /// Must be called behind the last bytes.
    package func finish() throws(GzipError) {
        guard isAtEnd else { throw GzipError() }
    }
}
