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
        /// Whether nobody gets through at the moment.
        var isCut = false
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

    /// A network on a free port of loopback, before `target`.
    ///
    /// - Parameter random: Draws the faults; nil for none, and then what goes to the endpoint is kept.
    init(to target: Int, _ random: SeededGenerator?) throws {
        self.target = target
        state = Mutex(State(random: random ?? SeededGenerator(seed: 0), sent: random == nil ? [] : nil))
        (listener, port) = try LoopbackSocket.listening()
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

    /// Cuts all connections, and lets no new one through until it is mended.
    func cut() {
        state.withLock { state in
            state.isCut = true
            for socket in state.sockets { _ = shutdown(socket, Int32(SHUT_RDWR)) }
        }
    }

    /// Lets connections through again.
    func mend() {
        state.withLock { $0.isCut = false }
    }

    private func accept() {
        while true {
            let client = LoopbackSocket.accept(listener)
            guard client >= 0 else {
                if state.withLock({ $0.isClosed }) { break }
                // The connection was given up, or there are no descriptors at the moment.
                poll(nil, 0, 10)
                continue
            }
            guard let server = LoopbackSocket.connected(to: target) else {
                Glibc.close(client)
                continue
            }
            let (plan, isOpen) = state.withLock { state in
                state.sockets.formUnion([client, server])
                return (state.plan(), !state.isClosed && !state.isCut)
            }
            let sockets = ProxiedConnection(client, server) { [self] in
                state.withLock { $0.sockets.subtract([client, server]) }
            }
            guard isOpen else {
                sockets.shut()
                continue
            }
            let connection = Connection(sockets, hole: plan.hole)
            Thread.detachNewThread {
                connection.carry(from: client, to: server, plan.up) { self.note($0) }
            }
            Thread.detachNewThread { connection.carry(from: server, to: client, plan.down) { _ in } }
        }
        Glibc.close(listener)
    }

    private func note(_ bytes: ArraySlice<UInt8>) { state.withLock { $0.sent?.append(contentsOf: bytes) } }

    /// A device's connection and the one to the endpoint that belongs to it.
    private final class Connection: Sendable {
        private let isSilent = Atomic(false)
        private let hole: Int32
        private let sockets: ProxiedConnection

        init(_ sockets: ProxiedConnection, hole: Int32) {
            (self.sockets, self.hole) = (sockets, hole)
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
                let count = LoopbackSocket.receive(&buffer, from: source)
                guard count > 0 else { break }
                if isSilent.load(ordering: .acquiring) { continue }
                let passing = min(count, left)
                note(buffer[..<passing])
                guard LoopbackSocket.send(buffer[..<passing], to: target) else { break }
                left -= passing
                guard left == 0 else { continue }
                isSilent.store(true, ordering: .releasing)
                poll(nil, 0, hole)
                break
            }
            sockets.shut()
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
