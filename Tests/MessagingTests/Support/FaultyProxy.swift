import Foundation
import Glibc
import Synchronization

/// A TCP proxy before the broker that cuts, hangs and refuses on demand.
final class FaultyProxy: Sendable {
    private struct State {
        var sockets: Set<Int32> = []
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

    struct SocketError: Error {
        let number = errno
    }

    /// A proxy on a free port of loopback, before `target`.
    init(to target: Int) throws {
        self.target = target
        let listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        self.listener = listener
        var address = Self.loopback(0)
        guard listener >= 0, Self.with(&address, { Glibc.bind(listener, $0, $1) }) == 0, listen(listener, 64) == 0,
            let port = Self.port(of: listener)
        else { throw SocketError() }
        self.port = port
        Thread.detachNewThread { self.accept() }
    }

    /// One for each connection that was let through.
    let connections = Collector<Void>()

    /// Breaks all connections; new ones are let through.
    func cut() {
        for socket in state.withLock(\.sockets) {
            _ = shutdown(socket, Int32(SHUT_RDWR))
        }
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
            let client = Glibc.accept(listener, nil, nil)
            guard client >= 0 else { break }
            let isRefused = state.withLock { $0.isRefusing || $0.isClosed }
            let server = isRefused ? -1 : connect()
            guard server >= 0 else {
                Glibc.close(client)
                continue
            }
            state.withLock { $0.sockets.formUnion([client, server]) }
            connections.append(())
            let pair = Pair(client, server) { [self] in
                state.withLock { $0.sockets.subtract([client, server]) }
            }
            Thread.detachNewThread { self.pump(pair, from: client, to: server, isUpstream: true) }
            Thread.detachNewThread { self.pump(pair, from: server, to: client, isUpstream: false) }
        }
        Glibc.close(listener)
    }

    private func connect() -> Int32 {
        let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = Self.loopback(target)
        guard Self.with(&address, { Glibc.connect(server, $0, $1) }) == 0 else {
            Glibc.close(server)
            return -1
        }
        return server
    }

    /// Both sockets of a connection, closed when both directions have ended.
    private final class Pair: Sendable {
        let sockets: (Int32, Int32)
        private let onClose: @Sendable () -> Void

        init(_ first: Int32, _ second: Int32, onClose: @escaping @Sendable () -> Void) {
            sockets = (first, second)
            self.onClose = onClose
        }

        deinit {
            onClose()
            Glibc.close(sockets.0)
            Glibc.close(sockets.1)
        }
    }

    private func pump(_ pair: Pair, from source: Int32, to target: Int32, isUpstream: Bool) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var count = recv(source, &buffer, buffer.count, 0)
        while count > 0, pass(&count, isUpstream) {
            var sent = 0
            while sent < count {
                let written = buffer[sent..<count].withUnsafeBytes {
                    send(target, $0.baseAddress, $0.count, Int32(MSG_NOSIGNAL))
                }
                guard written > 0 else { break }
                sent += written
            }
            guard sent == count else { break }
            count = recv(source, &buffer, buffer.count, 0)
        }
        // An end is something that passes, too.
        waitWhileHanging()
        _ = shutdown(pair.sockets.0, Int32(SHUT_RDWR))
        _ = shutdown(pair.sockets.1, Int32(SHUT_RDWR))
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

    private static func loopback(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = in_port_t(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7f00_0001).bigEndian
        return address
    }

    private static func with(
        _ address: inout sockaddr_in,
        _ body: (UnsafeMutablePointer<sockaddr>, socklen_t) -> Int32
    ) -> Int32 {
        withUnsafeMutableBytes(of: &address) { bytes in
            guard let base = bytes.baseAddress else { return -1 }
            return body(base.assumingMemoryBound(to: sockaddr.self), socklen_t(bytes.count))
        }
    }

    private static func port(of socket: Int32) -> Int? {
        var address = sockaddr_in()
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let status = with(&address) { pointer, _ in getsockname(socket, pointer, &length) }
        return status == 0 ? Int(in_port_t(bigEndian: address.sin_port)) : nil
    }
}

/// Runs `body` with a proxy before the broker, and its URL.
func withProxy<Result>(_ body: (FaultyProxy, String) async throws -> Result) async throws -> Result {
    let proxy = try FaultyProxy(to: TestServer.port)
    defer { proxy.close() }
    return try await body(proxy, try TestServer.url(port: proxy.port))
}
