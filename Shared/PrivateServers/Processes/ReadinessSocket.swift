import Executors
import Glibc

/// Where a server says that it is ready: the datagram socket of systemd's `sd_notify(3)` protocol.
///
/// PostgreSQL and RabbitMQ both speak it when `NOTIFY_SOCKET` is set, so that nobody has to guess from ports and logs.
/// The socket's name is abstract (Linux `unix(7)`): no file, no permission to pass on to another account.
final class ReadinessSocket: Sendable {
    /// What came of waiting.
    enum Outcome: Sendable {
        case ready
        case interrupted
        case late
    }

    private let name: String
    private let descriptor: Int32

    /// The value of `NOTIFY_SOCKET` for the server.
    var environmentValue: String { "@" + name }

    init() throws(FileError) {
        let digits = (0..<2).map { _ in String(UInt64.random(in: .min ... .max), radix: 16) }
        name = "fullsync-ready-" + digits.joined()
        descriptor = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard descriptor >= 0 else { throw FileError(path: "socket", errorNumber: errno) }
        let socket = descriptor
        guard Self.withAddress(name, { bind(socket, $0, $1) }) == 0 else {
            let number = errno
            close(descriptor)
            throw FileError(path: environmentValue, errorNumber: number)
        }
    }

    deinit {
        close(descriptor)
    }

    /// Waits, on a thread of its own, until the server says `READY=1`, somebody interrupts, or `wait` is over.
    func wait(_ wait: Duration) async -> Outcome {
        let thread = ThreadExecutor(name: "readiness")
        defer { thread.shutdown() }
        return await Task(executorPreference: thread) { self.block(until: .now + wait) }.value
    }

    /// Ends a wait, present or future.
    func interrupt() {
        Self.send(Self.interruption, to: name)
    }

    /// Sends `message` to the socket called `name`, if there is one.
    static func send(_ message: String, to name: String) {
        guard name.utf8.count < MemoryLayout<sockaddr_un>.size - MemoryLayout<sa_family_t>.size else { return }
        let sender = socket(AF_UNIX, Int32(SOCK_DGRAM.rawValue) | Int32(SOCK_CLOEXEC.rawValue), 0)
        guard sender >= 0 else { return }
        defer { close(sender) }
        _ = withAddress(name) { address, length in
            sendto(sender, message, message.utf8.count, Int32(MSG_DONTWAIT), address, length)
        }
    }

    private static let interruption = "INTERRUPTED=1"

    private func block(until deadline: ContinuousClock.Instant) -> Outcome {
        while true {
            let left = (deadline - .now) / .milliseconds(1)
            var event = pollfd(fd: descriptor, events: Int16(POLLIN), revents: 0)
            let count = left > 0 ? poll(&event, 1, Int32(min(left, 1_000_000))) : 0
            if count == 0 { return .late }
            guard count > 0 else { continue }
            var bytes = [UInt8](repeating: 0, count: 4_096)
            let received = recv(descriptor, &bytes, bytes.count, 0)
            guard received > 0 else { continue }
            let lines = String(decoding: bytes.prefix(received), as: UTF8.self).split(separator: "\n")
            if lines.contains("READY=1") { return .ready }
            if lines.contains(Substring(Self.interruption)) { return .interrupted }
        }
    }

    /// Calls `body` with the socket's address: a zero byte, then the name.
    private static func withAddress<Result>(
        _ name: String,
        _ body: (UnsafePointer<sockaddr>, socklen_t) -> Result
    ) -> Result {
        var address = sockaddr_un()
        address.sun_family = sa_family_t(AF_UNIX)
        withUnsafeMutableBytes(of: &address.sun_path) { path in
            for (index, byte) in name.utf8.enumerated() { path[index + 1] = byte }
        }
        let length = MemoryLayout<sa_family_t>.size + 1 + name.utf8.count
        return withUnsafePointer(to: &address) { pointer in
            pointer.withMemoryRebound(to: sockaddr.self, capacity: 1) { body($0, socklen_t(length)) }
        }
    }
}
