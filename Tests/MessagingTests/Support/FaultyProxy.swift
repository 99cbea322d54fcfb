import Foundation
import Glibc
import Synchronization
import TestSupport

/// A TCP proxy before the broker that cuts, hangs and refuses on demand.
final class FaultyProxy: Sendable {
    /// Its sockets are closed when nobody carries bytes between them, and may be another connection's then.
    private struct Weak {
        weak var connection: ProxiedConnection?
    }

    private struct State {
        var connections: [Int: Weak] = [:]
        var connectionCount = 0
        var isHanging = false
        var isRefusing = false
        var isClosed = false
        /// Bytes that may still pass to the broker before everything is cut, and those between the cuts after that;
        /// none for any number.
        var budgets: [Int] = []
    }

    let port: Int
    private let target: Int
    private let listener: Int32
    private let state = Mutex(State())
    private let condition = NSCondition()

    /// A proxy on a free port of loopback, before `target`.
    init(to target: Int) throws {
        self.target = target
        (listener, port) = try LoopbackSocket.listening()
        Thread.detachNewThread { self.accept() }
    }

    /// One for each connection that was let through.
    let connections = Collector<Void>()

    /// Breaks all connections; new ones are let through.
    func cut() {
        for connection in state.withLock({ $0.connections.values.compactMap(\.connection) }) { connection.shut() }
    }

    /// Breaks all connections in the middle of something, once this many more bytes went to the broker; and again after
    /// so many more.
    func cut(after bytes: [Int]) {
        state.withLock { $0.budgets = bytes }
    }

    /// Nothing passes any more, and nobody is told.
    func hang() {
        state.withLock { $0.isHanging = true }
    }

    /// What was held back passes, unless its connection is gone.
    func resume() {
        condition.lock()
        state.withLock { $0.isHanging = false }
        condition.broadcast()
        condition.unlock()
    }

    private func waitWhileHanging() {
        condition.lock()
        while state.withLock({ $0.isHanging }) { condition.wait() }
        condition.unlock()
    }

    /// Cuts, and closes new connections at once.
    func refuse() {
        state.withLock { $0.isRefusing = true }
        cut()
    }

    func admit() {
        state.withLock { $0.isRefusing = false }
    }

    func close() {
        state.withLock { $0.isClosed = true }
        _ = shutdown(listener, Int32(SHUT_RDWR))
        cut()
        resume()
    }

    private func accept() {
        while true {
            let client = LoopbackSocket.accept(listener)
            guard client >= 0 else { break }
            guard let server = LoopbackSocket.connected(to: target) else {
                Glibc.close(client)
                continue
            }
            let number = state.withLock { state in
                state.connectionCount += 1
                return state.connectionCount
            }
            let pair = ProxiedConnection(client, server) { [self] in
                state.withLock { $0.connections[number] = nil }
            }
            let isAdmitted = state.withLock { state in
                guard !state.isRefusing, !state.isClosed else { return false }
                state.connections[number] = Weak(connection: pair)
                return true
            }
            guard isAdmitted else { continue }
            connections.append(())
            Thread.detachNewThread { self.pump(pair, from: client, to: server, isUpstream: true) }
            Thread.detachNewThread { self.pump(pair, from: server, to: client, isUpstream: false) }
        }
        Glibc.close(listener)
    }

    private func pump(_ pair: ProxiedConnection, from source: Int32, to target: Int32, isUpstream: Bool) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var count = LoopbackSocket.receive(&buffer, from: source)
        while count > 0, pass(&count, isUpstream) {
            guard LoopbackSocket.send(buffer[..<count], to: target) else { break }
            count = LoopbackSocket.receive(&buffer, from: source)
        }
        // An end is something that passes, too.
        waitWhileHanging()
        pair.shut()
    }

    /// Waits while hanging; shortens `count` to what is still allowed; false when the connection ends.
    private func pass(_ count: inout Int, _ isUpstream: Bool) -> Bool {
        waitWhileHanging()
        let wanted = count
        let (allowed, mustCut) = state.withLock { state -> (Int, Bool) in
            guard isUpstream, let budget = state.budgets.first else { return (wanted, false) }
            guard budget <= wanted else {
                state.budgets[0] -= wanted
                return (wanted, false)
            }
            state.budgets.removeFirst()
            return (budget, true)
        }
        count = allowed
        if mustCut { cut() }
        return allowed > 0
    }
}

/// Runs `body` with a proxy before the broker, and its URL.
func withProxy<Result>(_ body: (FaultyProxy, String) async throws -> Result) async throws -> Result {
    let proxy = try FaultyProxy(to: TestServer.port)
    defer { proxy.close() }
    return try await body(proxy, try TestServer.url(port: proxy.port))
}
