import Foundation
import NIOCore
import NIOPosix
import Testing

/// A connection whose bytes a test writes and reads itself.
struct RawConnection {
    private let outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>
    private var inbound: NIOAsyncChannelInboundStream<ByteBuffer>.AsyncIterator
    private var received = ""

    /// Connects to the server at that address for as long as `body` runs.
    static func open(_ address: String, _ body: (inout RawConnection) async throws -> Void) async throws {
        let url = try #require(URLComponents(string: address))
        let (host, port) = (try #require(url.host), try #require(url.port))
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connect(host: host, port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        try await channel.executeThenClose { inbound, outbound in
            var connection = RawConnection(outbound: outbound, inbound: inbound.makeAsyncIterator())
            try await body(&connection)
        }
    }

    func write(_ text: String) async throws { try await outbound.write(ByteBuffer(string: text)) }

    /// All that came up to the end of that text, which is waited for; nil when the connection ends before.
    mutating func read(through end: String) async throws -> String? {
        while true {
            if let range = received.range(of: end) {
                defer { received.removeSubrange(..<range.upperBound) }
                return String(received[..<range.upperBound])
            }
            guard let buffer = try await inbound.next(isolation: #isolation) else { return nil }
            received += String(buffer: buffer)
        }
    }

    /// All that comes until the server closes the connection.
    mutating func readToEnd() async throws -> String {
        while let buffer = try await inbound.next(isolation: #isolation) { received += String(buffer: buffer) }
        return received
    }
}
