import Foundation
import Glibc
import Synchronization
import TestSupport

/// A TCP proxy before PostgreSQL, which counts how often its clients wait for the server.
///
/// A client of the extended protocol that has sent what it wants ends it with `Sync`, and one of the simple protocol
/// with `Query`: each is one round trip, however many statements are in it.
final class CountingProxy: Sendable {
    let port: Int
    private let target: Int
    private let listener: Int32
    private let count = Mutex(0)
    private let connections = Mutex<[ProxiedConnection]>([])

    /// A proxy on a free port of loopback, before `target`.
    init(to target: Int) throws {
        self.target = target
        (listener, port) = try LoopbackSocket.listening()
        Thread.detachNewThread { self.accept() }
    }

    /// How many round trips there were.
    var roundTrips: Int { count.withLock(\.self) }

    /// Breaks all connections, and lets no new one through.
    func close() {
        _ = shutdown(listener, Int32(SHUT_RDWR))
        for connection in connections.withLock(\.self) { connection.shut() }
    }

    private func accept() {
        while true {
            let client = LoopbackSocket.accept(listener)
            guard client >= 0 else { break }
            guard let server = LoopbackSocket.connected(to: target) else {
                Glibc.close(client)
                continue
            }
            let connection = ProxiedConnection(client, server)
            connections.withLock { $0.append(connection) }
            Thread.detachNewThread { self.carry(connection, from: client, to: server, isCounted: true) }
            Thread.detachNewThread { self.carry(connection, from: server, to: client, isCounted: false) }
        }
        Glibc.close(listener)
    }

    private func carry(_ connection: ProxiedConnection, from source: Int32, to target: Int32, isCounted: Bool) {
        var buffer = [UInt8](repeating: 0, count: 65_536)
        var messages = FrontendMessages()
        while true {
            let count = LoopbackSocket.receive(&buffer, from: source)
            guard count > 0 else { break }
            if isCounted {
                let ended = messages.roundTrips(in: buffer[..<count])
                self.count.withLock { $0 += ended }
            }
            guard LoopbackSocket.send(buffer[..<count], to: target) else { break }
        }
        connection.shut()
    }
}

/// What a client says to PostgreSQL: a start without a type, and then messages of a type, a length and a content.
///
/// In front of the start it may ask for TLS, in a message of the start's form, and is refused.
private struct FrontendMessages {
    private var rest: [UInt8] = []
    /// How many bytes of the message at hand are still to come.
    private var missing = 0
    private var hasBegun = false

    /// What asks for TLS, and for GSSAPI.
    private static let requests: Set<Int> = [80_877_103, 80_877_104]

    private func number(at place: Int) -> Int { rest[place..<(place + 4)].reduce(0) { $0 << 8 | Int($1) } }

    /// How many of the messages in these bytes end a round trip.
    mutating func roundTrips(in bytes: ArraySlice<UInt8>) -> Int {
        var count = 0
        rest += bytes
        while true {
            let skipped = min(missing, rest.count)
            rest.removeFirst(skipped)
            missing -= skipped
            let head = hasBegun ? 5 : 8
            guard missing == 0, rest.count >= head else { return count }
            let length = number(at: head == 5 ? 1 : 0)
            if hasBegun {
                if [UInt8(ascii: "S"), UInt8(ascii: "Q")].contains(rest[0]) { count += 1 }
                missing = length - 4
            } else {
                hasBegun = !Self.requests.contains(number(at: 4))
                missing = length - 8
            }
            rest.removeFirst(head)
        }
    }
}
