import Foundation
import Glibc
import Synchronization
import TestSupport

/// A TCP proxy between devices and the endpoint: of each connection it is drawn whether, and after how many bytes of
/// which direction, it is cut, or swallows everything for a while before it is.
final class FaultyNetwork: Sendable {
    fileprivate struct State {
        var random: SeededGenerator
        var faults = 0
        var connections = 0
        var isClosed = false
        var sockets: Set<Int32> = []
        /// What has gone to the endpoint, when that is kept.
        var sent: [UInt8]?
    }

    /// What becomes of a connection.
    fileprivate struct Plan {
        /// How many bytes pass in each direction; nil for any number.
        var up: Int?
        var down: Int?
        /// For how many milliseconds nothing passes, and nobody is told, before the connection ends.
        var hole: Int32 = 0
    }

    let port: Int
    var http: String { "http://127.0.0.1:\(port)" }
    private let target: Int
    private let listener: Int32
    private let state: Mutex<State>

    struct SocketError: Error {
        let number = errno
    }

    /// A network on a free port of loopback, before `target`.
    ///
    /// - Parameter random: Draws the faults; nil for none, and then what goes to the endpoint is kept.
    init(to target: Int, _ random: SeededGenerator?) throws {
        self.target = target
        state = Mutex(State(random: random ?? SeededGenerator(seed: 0), sent: random == nil ? [] : nil))
        listener = Self.socket()
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

    /// How many connections were ill-treated.
    var faults: Int { state.withLock { $0.faults } }

    /// How many connections were let through.
    var connections: Int { state.withLock { $0.connections } }

    /// The first lines of the requests that went to the endpoint.
    var requests: [String] {
        let text = String(decoding: state.withLock { $0.sent ?? [] }, as: UTF8.self)
        return text.components(separatedBy: "\r\n").filter { $0.hasSuffix(" HTTP/1.1") }
    }

    /// Cuts all connections, and lets no new one through.
    func close() {
        state.withLock { state in
            // Its number may be another's as soon as nobody waits for connections any more.
            guard !state.isClosed else { return }
            state.isClosed = true
            _ = shutdown(listener, Int32(SHUT_RDWR))
            for socket in state.sockets { _ = shutdown(socket, Int32(SHUT_RDWR)) }
        }
    }

    private func accept() {
        while true {
            let client = Glibc.accept(listener, nil, nil)
            guard client >= 0 else {
                if state.withLock({ $0.isClosed }) { break }
                // The connection was given up, or there are no descriptors at the moment.
                poll(nil, 0, 10)
                continue
            }
            _ = fcntl(client, F_SETFD, FD_CLOEXEC)
            let server = Self.socket()
            let (plan, isOpen) = state.withLock { state in
                state.sockets.formUnion([client, server])
                return (state.plan(), !state.isClosed)
            }
            let connection = Connection(client, server, hole: plan.hole) { [self] in
                state.withLock { $0.sockets.subtract([client, server]) }
            }
            var address = Self.loopback(target)
            let length = socklen_t(MemoryLayout<sockaddr_in>.size)
            let isConnected = Self.with(&address) { connect(server, $0, length) == 0 }
            guard isConnected, isOpen else {
                connection.shut()
                continue
            }
            Thread.detachNewThread {
                connection.carry(from: client, to: server, plan.up) { self.note($0) }
            }
            Thread.detachNewThread { connection.carry(from: server, to: client, plan.down) { _ in } }
        }
        Glibc.close(listener)
    }

    private func note(_ bytes: ArraySlice<UInt8>) { state.withLock { $0.sent?.append(contentsOf: bytes) } }

    /// A device's connection and the one to the endpoint that belongs to it; their sockets end with it.
    private final class Connection: Sendable {
        private let isSilent = Atomic(false)
        private let hole: Int32
        private let sockets: (Int32, Int32)
        private let onEnd: @Sendable () -> Void

        init(_ client: Int32, _ server: Int32, hole: Int32, onEnd: @escaping @Sendable () -> Void) {
            (sockets, self.hole, self.onEnd) = ((client, server), hole, onEnd)
        }

        deinit {
            onEnd()
            Glibc.close(sockets.0)
            Glibc.close(sockets.1)
        }

        func shut() {
            _ = shutdown(sockets.0, Int32(SHUT_RDWR))
            _ = shutdown(sockets.1, Int32(SHUT_RDWR))
        }

        /// Carries bytes until one side ends, or as many have passed as may.
        func carry(
            from source: Int32,
            to target: Int32,
            _ limit: Int?,
            note: @Sendable (ArraySlice<UInt8>) -> Void
        ) {
            var buffer = [UInt8](repeating: 0, count: 65_536)
            var left = limit ?? .max
            while true {
                let count = recv(source, &buffer, buffer.count, 0)
                if count < 0, errno == EINTR { continue }
                guard count > 0 else { break }
                if isSilent.load(ordering: .acquiring) { continue }
                let passing = min(count, left)
                note(buffer[..<passing])
                var sent = 0
                while sent < passing {
                    let written = buffer[sent..<passing].withUnsafeBytes { bytes in
                        Glibc.send(target, bytes.baseAddress, bytes.count, Int32(MSG_NOSIGNAL))
                    }
                    if written < 0, errno == EINTR { continue }
                    guard written > 0 else { return shut() }
                    sent += written
                }
                left -= passing
                guard left == 0 else { continue }
                isSilent.store(true, ordering: .releasing)
                poll(nil, 0, hole)
                break
            }
            shut()
        }
    }

    /// A socket that no process inherits.
    private static func socket() -> Int32 {
        Glibc.socket(AF_INET, Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue), 0)
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

extension FaultyNetwork.State {
    /// What becomes of the next connection: most lengths are such that heads are cut as often as bodies.
    fileprivate mutating func plan() -> FaultyNetwork.Plan {
        connections += 1
        var plan = FaultyNetwork.Plan()
        guard sent == nil, Int.random(in: 0..<5, using: &random) < 2 else { return plan }
        faults += 1
        let length = 1 << Int.random(in: 5..<20, using: &random)
        let bytes = Int.random(in: 1...length, using: &random)
        if Bool.random(using: &random) { plan.up = bytes } else { plan.down = bytes }
        if Int.random(in: 0..<3, using: &random) == 0 { plan.hole = Int32.random(in: 1..<1_500, using: &random) }
        return plan
    }
}
