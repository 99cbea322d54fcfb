import Foundation
import Glibc
import Synchronization

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

    struct SocketError: Error {
        let number = errno
    }

    /// A proxy on a free port of loopback, before `target`.
    init(to target: Int) throws {
        self.target = target
        listener = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
        var address = Self.loopback(0)
        var length = socklen_t(MemoryLayout<sockaddr_in>.size)
        let listener = listener
        let isListening = Self.with(&address) { pointer in
            bind(listener, pointer, length) == 0 && listen(listener, 64) == 0
                && getsockname(listener, pointer, &length) == 0
        }
        guard listener >= 0, isListening else { throw SocketError() }
        port = Int(UInt16(bigEndian: address.sin_port))
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
        for connection in connections { connection.shut() }
    }

    private func accept() {
        while true {
            let client = Glibc.accept(listener, nil, nil)
            guard client >= 0 else { break }
            let server = socket(AF_INET, Int32(SOCK_STREAM.rawValue), 0)
            let connection = Connection(client, server)
            var address = Self.loopback(target)
            let length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let isConnected = Self.with(&address) { connect(server, $0, length) == 0 }
            let isOpen = state.withLock { state in
                state.connections.append(connection)
                return !state.isClosed
            }
            guard isConnected, isOpen else {
                connection.shut()
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
        private let sockets: (Int32, Int32)

        init(_ client: Int32, _ server: Int32) {
            sockets = (client, server)
        }

        deinit {
            Glibc.close(sockets.0)
            Glibc.close(sockets.1)
        }

        func shut() {
            _ = shutdown(sockets.0, Int32(SHUT_RDWR))
            _ = shutdown(sockets.1, Int32(SHUT_RDWR))
        }

        /// Carries bytes until one side ends.
        func carry(from source: Int32, to target: Int32) {
            var buffer = [UInt8](repeating: 0, count: 65_536)
            while true {
                let count = recv(source, &buffer, buffer.count, 0)
                guard count > 0 else { break }
                if isSilent.load(ordering: .acquiring) { continue }
                var sent = 0
                while sent < count {
                    let written = buffer[sent..<count].withUnsafeBytes { bytes in
                        send(target, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
                    }
                    guard written > 0 else { return shut() }
                    sent += written
                }
            }
            // The end of one that is silent is not told either.
            if !isSilent.load(ordering: .acquiring) { shut() }
        }
    }

    private static func loopback(_ port: Int) -> sockaddr_in {
        var address = sockaddr_in()
        address.sin_family = sa_family_t(AF_INET)
        address.sin_port = UInt16(port).bigEndian
        address.sin_addr.s_addr = UInt32(0x7F00_0001).bigEndian
        return address
    }

    private static func with<Value>(
        _ address: inout sockaddr_in,
        _ body: (UnsafeMutablePointer<sockaddr>) -> Value
    ) -> Value {
        withUnsafeMutablePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1, body)
        }
    }
}
