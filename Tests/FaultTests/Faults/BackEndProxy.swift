import NIOCore
import NIOPosix
import Synchronization

/// Stands between the connectors and the back end, and spoils what passes.
final class BackEndProxy: Sendable {
    enum Mode: String, Hashable, Sendable {
        case passes
        /// Connections end at once: the back end is down.
        case refuses
        /// Requests arrive late.
        case slow
        /// Requests arrive and are carried out, and the answers are lost.
        case losesAnswers = "acts, and its answers are lost"

        static let faulty: [Mode] = [.refuses, .slow, .losesAnswers, .losesAnswers]
    }

    private typealias Bytes = NIOAsyncChannel<ByteBuffer, ByteBuffer>

    /// Kept for good: one that comes while this ends is nobody's, and NIO ends the process when it is let go.
    private static let kept = Mutex<[Bytes]>([])

    let port: Int
    private let listening: NIOAsyncChannel<Bytes, Never>
    private let mode = Mutex(Mode.passes)
    /// The back end's port; nil while it has none.
    private let target: @Sendable () -> Int?

    init(target: @escaping @Sendable () -> Int?) async throws {
        self.target = target
        listening = try await ServerBootstrap(group: .singletonMultiThreadedEventLoopGroup)
            .bind(host: "127.0.0.1", port: 0) { channel in
                channel.eventLoop.makeCompletedFuture {
                    let connection = try Bytes(wrappingChannelSynchronously: channel)
                    Self.kept.withLock { $0.append(connection) }
                    return connection
                }
            }
        port = listening.channel.localAddress?.port ?? 0
    }

    func become(_ mode: Mode) {
        self.mode.withLock { $0 = mode }
    }

    /// Carries bytes until the task is cancelled.
    func run() async throws {
        try await withThrowingDiscardingTaskGroup { group in
            try await listening.executeThenClose { connections in
                for try await connection in connections {
                    group.addTask { try? await self.carry(connection) }
                }
            }
        }
    }

    private var present: Mode { mode.withLock(\.self) }

    private func carry(_ client: Bytes) async throws {
        try await client.executeThenClose { requests, answers in
            guard present != .refuses, let port = target() else { return }
            let server = try await ClientBootstrap(group: .singletonMultiThreadedEventLoopGroup)
                .connect(host: "127.0.0.1", port: port) { channel in
                    channel.eventLoop.makeCompletedFuture { try Bytes(wrappingChannelSynchronously: channel) }
                }
            try await server.executeThenClose { fromServer, toServer in
                try await withThrowingTaskGroup(of: Void.self) { group in
                    group.addTask {
                        for try await bytes in requests {
                            if self.present == .refuses { return }
                            if self.present == .slow { try await Task.sleep(for: .seconds(2)) }
                            try await toServer.write(bytes)
                        }
                    }
                    group.addTask {
                        for try await bytes in fromServer {
                            if self.present == .losesAnswers { return }
                            try await answers.write(bytes)
                        }
                    }
                    // When one side has ended, or was spoilt, both are closed.
                    defer { group.cancelAll() }
                    try await group.next()
                }
            }
        }
    }
}
