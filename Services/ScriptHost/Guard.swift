import Foundation
import Glibc
import ScriptHosting
import Synchronization

/// The thread that ends the process when a script cannot be ended in any other way.
///
/// It looks a hundred times a second: has the process more memory than it may, has one call computed longer than the
/// engine's own limit should let it (a regular expression that backtracks, a sort, an endless chain of promises), has
/// the parent gone. Memory is what is resident, because the engine reserves far more than it uses and a limit on
/// address space would stop it from starting.
final class Guard: Sendable {
    private let watch: Watch
    private let replies: Replies
    private let parent = getppid()
    private let engineThread = pthread_self()
    private let limits: HostLimits

    /// A guard over the calling thread.
    init(watch: Watch, replies: Replies, limits: HostLimits) {
        self.watch = watch
        self.replies = replies
        self.limits = limits
    }

    /// Starts the thread, which lives as long as the process.
    func start() {
        let thread = Thread { self.run() }
        thread.name = "guard"
        thread.start()
    }

    private func run() {
        // What the engine's own limit gets as a head start: it is checked less often than it could be.
        let allowance = UInt64(limits.callMilliseconds) * 5 / 4 + 200
        var observed: (call: UInt64, since: UInt64)?
        while true {
            usleep(10_000)
            if getppid() != parent { _exit(HostExit.finished.rawValue) }
            if let resident = ResidentMemory.current(), resident > limits.memory, watch.isBusy {
                end(.memoryLimit, "the script takes more memory than \(limits.memory >> 20) MB", .memoryLimit)
            }
            guard let call = watch.currentCall else {
                observed = nil
                continue
            }
            let now = engineMilliseconds()
            guard let first = observed, first.call == call else {
                observed = (call, now)
                continue
            }
            if now - first.since > allowance { end(.timeLimit, "the script took too long", .timeLimit) }
        }
    }

    /// The processor time of the thread that runs scripts, in milliseconds.
    private func engineMilliseconds() -> UInt64 {
        var clock = clockid_t()
        var time = timespec()
        guard pthread_getcpuclockid(engineThread, &clock) == 0, clock_gettime(clock, &time) == 0 else { return 0 }
        return UInt64(time.tv_sec) * 1_000 + UInt64(time.tv_nsec) / 1_000_000
    }

    private func end(_ kind: ScriptError.Kind, _ message: String, _ exit: HostExit) -> Never {
        replies.sendLast(.dying(ScriptError(kind, message, function: watch.currentFunction)))
        _exit(exit.rawValue)
    }
}
