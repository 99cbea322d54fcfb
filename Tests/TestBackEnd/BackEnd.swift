import NIOCore
import NIOPosix
package import NIOSSL
import Synchronization

/// A back end that speaks TCP and does exactly what a test says, good or bad.
package final class BackEnd: Sendable {
    /// A request as it came.
    package struct Received: Sendable {
        package let method: String
        package let target: String
        /// Names in lower case.
        package let headers: [String: String]
        package let bytes: [UInt8]

        /// The body as a text.
        package var body: String { String(decoding: bytes, as: UTF8.self) }
    }

    /// What it does with a request, in order.
    package enum Reaction: Sendable {
        case send(String)
        case sendBytes([UInt8])
        /// An answer whose body is no UTF-8.
        case invalidText
        /// The same piece again and again, as often as that.
        case repeatedly(String, Int)
        case close
        /// Says nothing more until the other side has gone.
        case hang
    }

    /// What came.
    private final class Journal: Sendable {
        let requests = Mutex<[Received]>([])
        let connections = Mutex(0)
    }

    private let journal: Journal
    package let port: Int
    private let task: Task<Void, any Error>

    private let isSecure: Bool

    /// Its certificate, when it has one, is for `localhost`.
    package var url: String { isSecure ? "https://localhost:\(port)" : "http://127.0.0.1:\(port)" }
    package var received: [Received] { journal.requests.withLock { $0 } }
    package var connectionCount: Int { journal.connections.withLock { $0 } }

    /// Listens on a free port, and reacts to each request.
    package static func start(
        tls: NIOSSLContext? = nil,
        _ react: @escaping @Sendable (Received) -> [Reaction]
    ) async throws -> BackEnd {
        let server = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .bind(host: "127.0.0.1", port: 0) { channel in
                channel.eventLoop.makeCompletedFuture {
                    if let tls { try channel.pipeline.syncOperations.addHandler(NIOSSLServerHandler(context: tls)) }
                    let connection = try Connection(wrappingChannelSynchronously: channel)
                    kept.withLock { $0.append(connection) }
                    return connection
                }
            }
        return BackEnd(server, isSecure: tls != nil, react)
    }

    private typealias Connection = NIOAsyncChannel<ByteBuffer, ByteBuffer>

    /// Kept for good: one that comes while its server ends is nobody's, and NIO ends the process when it is let go.
    private static let kept = Mutex<[Connection]>([])

    private init(
        _ server: NIOAsyncChannel<NIOAsyncChannel<ByteBuffer, ByteBuffer>, Never>,
        isSecure: Bool,
        _ react: @escaping @Sendable (Received) -> [Reaction]
    ) {
        self.isSecure = isSecure
        port = server.channel.localAddress?.port ?? 0
        let journal = Journal()
        self.journal = journal
        task = Task {
            try await server.executeThenClose { inbound in
                try await withThrowingDiscardingTaskGroup { group in
                    for try await connection in inbound {
                        journal.connections.withLock { $0 += 1 }
                        group.addTask { try? await Self.serve(connection, journal, react) }
                    }
                }
            }
        }
    }

    /// Ends it with all its connections.
    package func stop() async {
        task.cancel()
        _ = await task.result
    }

    private static func serve(
        _ connection: Connection,
        _ journal: Journal,
        _ react: @Sendable (Received) -> [Reaction]
    ) async throws {
        try await connection.executeThenClose { inbound, outbound in
            var buffer: [UInt8] = []
            for try await part in inbound {
                buffer += part.readableBytesView
                while let (request, rest) = parse(buffer) {
                    buffer = rest
                    journal.requests.withLock { $0.append(request) }
                    for reaction in react(request) {
                        switch reaction {
                        case .send(let text): try await outbound.write(ByteBuffer(string: text))
                        case .sendBytes(let bytes): try await outbound.write(ByteBuffer(bytes: bytes))
                        case .invalidText:
                            let head = "HTTP/1.1 200 OK\r\nContent-Length: 3\r\n\r\n\""
                            try await outbound.write(ByteBuffer(bytes: Array(head.utf8) + [0xFF, 0x22]))
                        case .repeatedly(let text, let count):
                            let piece = ByteBuffer(string: text)
                            for _ in 0..<count { try await outbound.write(piece) }
                        case .close: return
                        case .hang: break
                        }
                    }
                }
            }
        }
    }

    /// The first request of the bytes and what follows it; nil when it is not whole yet.
    private static func parse(_ bytes: [UInt8]) -> (Received, [UInt8])? {
        guard let end = bytes.firstRange(of: Array("\r\n\r\n".utf8)) else { return nil }
        let lines = String(decoding: bytes[..<end.lowerBound], as: UTF8.self).split(separator: "\r\n")
        let words = lines[0].split(separator: " ").map(String.init)
        let headers = lines.dropFirst().map { line in
            let parts = line.split(separator: ":", maxSplits: 1)
            return (parts[0].lowercased(), parts.count > 1 ? parts[1].drop { $0 == " " }.description : "")
        }
        let fields = Dictionary(headers, uniquingKeysWith: { first, _ in first })
        let length = fields["content-length"].flatMap { Int($0) } ?? 0
        let rest = bytes[end.upperBound...]
        guard rest.count >= length else { return nil }
        let body = Array(rest.prefix(length))
        let request = Received(method: words[0], target: words[1], headers: fields, bytes: body)
        return (request, Array(rest.dropFirst(length)))
    }
}

extension BackEnd.Reaction {
    /// A whole answer.
    package static func answer(_ status: Int, _ body: String, headers: [String] = []) -> BackEnd.Reaction {
        let fields = (headers + ["Content-Length: \(body.utf8.count)"]).joined(separator: "\r\n")
        return .send("HTTP/1.1 \(status) Status\r\n\(fields)\r\n\r\n\(body)")
    }

    /// A whole answer of bytes.
    package static func answer(_ status: Int, bytes: [UInt8], headers: [String] = []) -> BackEnd.Reaction {
        let fields = (headers + ["Content-Length: \(bytes.count)"]).joined(separator: "\r\n")
        return .sendBytes(Array("HTTP/1.1 \(status) Status\r\n\(fields)\r\n\r\n".utf8) + bytes)
    }
}
