import Foundation
import Glibc

/// A process and no other: its id, and when it started, because the system gives ids again.
package struct ProcessIdentity: Sendable, Hashable, CustomStringConvertible {
    package let pid: Int32
    /// When it started, in clock ticks since the machine booted (field 22 of `/proc/<pid>/stat`).
    package let startTicks: UInt64

    /// This process.
    package static var current: ProcessIdentity? { ProcessIdentity(pid: getpid()) }

    /// The process that has the id `pid` now, or nil when there is none or it has ended and waits for its parent.
    package init?(pid: Int32) {
        guard let text = try? TextFile.read("/proc/\(pid)/stat"), let end = text.lastIndex(of: ")") else { return nil }
        // The name, in parentheses, may hold anything; what follows it starts with field 3, the state.
        let fields = text[text.index(after: end)...].split(separator: " ")
        guard fields.count > 19, fields[0] != "Z", fields[0] != "X", let ticks = UInt64(fields[19]) else { return nil }
        self.pid = pid
        startTicks = ticks
    }

    /// From what ``description`` gives.
    package init?(_ text: String) {
        let words = text.split(separator: " ")
        guard words.count == 2, let pid = Int32(words[0]), let ticks = UInt64(words[1]) else { return nil }
        self.pid = pid
        startTicks = ticks
    }

    package var description: String { "\(pid) \(startTicks)" }

    package var isRunning: Bool { ProcessIdentity(pid: pid) == self }

    /// Sends it `signal`; does nothing when it has ended.
    package func send(_ signal: Signal) {
        guard isRunning else { return }
        _ = Glibc.kill(pid, signal.number)
    }

    /// Makes it stand still, as one that hangs does.
    package func pause() {
        guard isRunning else { return }
        _ = Glibc.kill(pid, SIGSTOP)
    }

    /// Lets it go on when it stands still.
    package func proceed() {
        guard isRunning else { return }
        _ = Glibc.kill(pid, SIGCONT)
    }

    /// Waits until it has ended; false when it has not within `wait`.
    ///
    /// Only a parent is told of an end, so this looks again and again.
    package func hasEnded(within wait: Duration) async -> Bool {
        let deadline = ContinuousClock.now + wait
        while isRunning {
            guard ContinuousClock.now < deadline else { return false }
            try? await Task.sleep(for: .milliseconds(20))
            if Task.isCancelled { return !isRunning }
        }
        return true
    }
}
