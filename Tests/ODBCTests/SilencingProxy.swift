import Foundation
import Glibc
import Synchronization
import TestSupport

/// A TCP proxy before a database, which can have the connections that there are say nothing more.
final class SilencingProxy: Sendable {
    private struct State {
        var connections: [Connection] = []
        var isClosed = false
    }

    let port: Int
    private let target: Int
    private let listener: Int32
    private let state = Mutex(State())

    /// A proxy on a free port of loopback, before `target`.
    init(to target: Int) throws {
        self.target = target
        (listener, port) = try LoopbackSocket.listening()
        Thread.detachNewThread { self.accept() }
    }

    /// How many connections have been let through.
    var connectionCount: Int { state.withLock { $0.connections.count } }

    /// Nothing passes any more on the connections that there are, and nobody is told; new ones are let through.
    func silence() {
        for connection in state.withLock({ $0.connections }) { connection.isSilent.store(true, ordering: .releasing) }
    }

    /// Breaks all connections, and lets no new one through.
    func close() {
        let connections = state.withLock { state in
            state.isClosed = true
            return state.connections
        }
        _ = shutdown(listener, Int32(SHUT_RDWR))
        for connection in connections { connection.sockets.shut() }
    }

    private func accept() {
        while true {
            let client = LoopbackSocket.accept(listener)
            guard client >= 0 else { break }
            guard let server = LoopbackSocket.connected(to: target) else {
                Glibc.close(client)
                continue
            }
            let connection = Connection(ProxiedConnection(client, server))
            let isOpen = state.withLock { state in
                state.connections.append(connection)
                return !state.isClosed
            }
            guard isOpen else {
                connection.sockets.shut()
                continue
            }
            Thread.detachNewThread { connection.carry(from: client, to: server) }
            Thread.detachNewThread { connection.carry(from: server, to: client) }
        }
        Glibc.close(listener)
    }

    /// A connection and the one to the database that belongs to it; their sockets end with it.
    private final class Connection: Sendable {
        let isSilent = Atomic(false)
        let sockets: ProxiedConnection

        init(_ sockets: ProxiedConnection) { self.sockets = sockets }

        /// Carries bytes until one side ends.
        func carry(from source: Int32, to target: Int32) {
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = LoopbackSocket.receive(&buffer, from: source)
                guard count > 0 else { break }
                if isSilent.load(ordering: .acquiring) { continue }
                guard LoopbackSocket.send(buffer[..<count], to: target) else { break }
            }
            // The end of one that is silent is not told either.
            if !isSilent.load(ordering: .acquiring) { sockets.shut() }
        }
    }
}
