import NIOCore
import NIOPosix

/// Asks the service of this host whether it is ready: what a container's health check runs.
enum HealthProbe {
    /// How long the answer may take; longer than a readiness check may.
    private static let limit: Duration = .seconds(8)
    /// The most bytes of an answer that are read.
    private static let maximumAnswer = 65_536

    /// Whether `/_up` answers 200, and its answer.
    static func ask(host: String, port: Int) async throws -> (isReady: Bool, answer: String) {
        let text = try await withThrowingTaskGroup(of: String.self) { group in
            group.addTask { try await get(host: host, port: port) }
            group.addTask {
                try await Task.sleep(for: limit)
                throw NotReady("no answer within \(limit)")
            }
            defer { group.cancelAll() }
            return try await group.next() ?? ""
        }
        let body = text.split(separator: "\r\n\r\n", maxSplits: 1).dropFirst().first
        return (text.hasPrefix("HTTP/1.1 200 "), String(body ?? ""))
    }

    private static func get(host: String, port: Int) async throws -> String {
        let channel = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .connectTimeout(.seconds(3))
            .connect(host: host, port: port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            let request = "GET /_up HTTP/1.1\r\nHost: \(host):\(port)\r\nConnection: close\r\n\r\n"
            try await outbound.write(ByteBuffer(string: request))
            var answer = ByteBuffer()
            for try await part in inbound where answer.readableBytes < maximumAnswer {
                answer.writeImmutableBuffer(part)
            }
            return String(buffer: answer)
        }
    }
}
