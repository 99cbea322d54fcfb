import AsyncHTTPClient
import JSON
import NIOCore
import NIOHTTP1

extension Client {
    /// One that neither asks for packed answers nor unpacks them. (It lives as long as the process.)
    private static let plain = HTTPClient(configuration: HTTPClient.Configuration(decompression: .disabled))

    /// Sends bytes with these headers, and reads the whole answer.
    ///
    /// - Parameter chunked: Whether the body goes in chunks whose sum is not said in advance.
    func send(
        _ method: String,
        _ path: String,
        bytes: [UInt8]?,
        headers: [(String, String)] = [],
        chunked: Bool = false
    ) async throws -> Answer {
        var request = request(method, path, headers: headers)
        if let bytes {
            request.body = chunked ? .stream(Pieces(bytes), length: .unknown) : .bytes(ByteBuffer(bytes: bytes))
        }
        let response = try await Self.plain.execute(request, timeout: .seconds(600))
        let body = try await response.body.collect(upTo: 256 << 20)
        return Answer(
            status: Int(response.status.code),
            headers: response.headers,
            bytes: Array(body.readableBytesView)
        )
    }
}

extension Client.Answer {
    /// The value of a header; nil when there is none.
    func header(_ name: String) -> String? { headers.first(name: name) }
}

/// A body in pieces of a few bytes.
private struct Pieces: AsyncSequence, Sendable {
    let bytes: [UInt8]

    init(_ bytes: [UInt8]) {
        self.bytes = bytes
    }

    struct AsyncIterator: AsyncIteratorProtocol {
        var rest: ArraySlice<UInt8>

        mutating func next() async throws -> ByteBuffer? {
            guard !rest.isEmpty else { return nil }
            let piece = rest.prefix(37)
            rest = rest.dropFirst(37)
            return ByteBuffer(bytes: piece)
        }
    }

    func makeAsyncIterator() -> AsyncIterator { AsyncIterator(rest: bytes[...]) }
}

extension RunningSystem {
    /// A new database of the administrator, which is deleted behind `body`.
    func withDatabase(_ body: (String) async throws -> Void) async throws {
        let path = "/\(uniqueID("attachments"))"
        _ = try await administrator.send("PUT", path)
        try await body(path)
        _ = try await administrator.send("DELETE", path)
    }
}
