import NIOCore
import NIOPosix
import Synchronization

/// Stands between somebody and a server, and spoils what passes.
final class SpoiltWay: Sendable {
    enum Mode: String, Hashable, Sendable {
        case passes
        /// Connections are cut, and new ones end at once: the server is down.
        case refuses = "cut"
        /// What is said arrives late, piece by piece.
        case slow
        /// Nothing arrives, in either direction, and nobody is told; what was said arrives afterwards.
        case holds = "still"
        /// What is asked arrives and is carried out, and the answers are lost.
        case losesAnswers = "open, and answers are lost"
    }

    private typealias Bytes = NIOAsyncChannel<ByteBuffer, ByteBuffer>

    private struct State {
        var mode = Mode.passes
        /// Those that are open, from whoever asks.
        var open: [ObjectIdentifier: any Channel] = [:]
    }

    /// Kept for good: one that comes while this ends is nobody's, and NIO ends the process when it is let go.
    private static let kept = Mutex<[Bytes]>([])
    /// How often one that holds everything back looks whether it still does.
    private static let look = Duration.milliseconds(50)

    let port: Int
    private let listening: NIOAsyncChannel<Bytes, Never>
    private let state = Mutex(State())
    /// How much later each piece arrives on a slow way.
    private let delay: Duration
    /// The server's port; nil while it has none.
    private let target: @Sendable () -> Int?

    init(delay: Duration, target: @escaping @Sendable () -> Int?) async throws {
        self.delay = delay
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
        let cut = state.withLock { state in
            state.mode = mode
            return mode == .refuses ? Array(state.open.values) : []
        }
        for channel in cut { channel.close(promise: nil) }
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

    private var present: Mode { state.withLock { $0.mode } }

    private func carry(_ client: Bytes) async throws {
        let channel = client.channel
        let id = ObjectIdentifier(channel)
        state.withLock { $0.open[id] = channel }
        defer { state.withLock { $0.open[id] = nil } }
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
                            if self.present == .slow { try await Task.sleep(for: self.delay) }
                            try await self.holdBack()
                            if self.present == .refuses { return }
                            try await toServer.write(bytes)
                        }
                    }
                    group.addTask {
                        for try await bytes in fromServer {
                            try await self.holdBack()
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

    private func holdBack() async throws {
        while present == .holds { try await Task.sleep(for: Self.look) }
    }
}
