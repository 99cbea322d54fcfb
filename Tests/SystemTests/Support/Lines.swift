import AsyncHTTPClient
import JSON
import NIOCore

/// The lines of an answer, as they come.
struct Lines {
    private var chunks: HTTPClientResponse.Body.AsyncIterator
    private var buffer: [UInt8] = []

    init(_ answer: HTTPClientResponse) {
        chunks = answer.body.makeAsyncIterator()
    }

    /// The next line; nil at the end.
    mutating func next() async throws -> String? {
        while true {
            if let end = buffer.firstIndex(of: UInt8(ascii: "\n")) {
                let line = String(decoding: buffer[..<end], as: UTF8.self)
                buffer.removeSubrange(...end)
                return line
            }
            guard let chunk = try await chunks.next(isolation: #isolation) else { return nil }
            buffer.append(contentsOf: chunk.readableBytesView)
        }
    }

    /// The next line that says something.
    mutating func nextChange() async throws -> JSONValue? {
        while let line = try await next() {
            if !line.isEmpty { return try JSONValue(parsing: line) }
        }
        return nil
    }
}
