import Glibc
import Spawning

/// A child process whose standard input and output are a channel to this process.
///
/// It inherits standard error and no other descriptor of ours, and an environment of what it is given. Its owner
/// reaps it.
struct ChildProcess: ~Copyable {
    let identifier: pid_t
    /// The connection to the child.
    let channel: HostChannel

    /// How a child ended.
    enum End: Sendable, Hashable {
        case exit(Int32)
        case signal(Int32)
    }

    /// Starts a program.
    ///
    /// - Throws: The system's reason as ``FrameError/system(_:)``.
    static func start(
        _ executable: String,
        arguments: [String],
        environment: [String]
    ) throws(FrameError) -> ChildProcess {
        var ends: [Int32] = [-1, -1]
        let type = Int32(SOCK_STREAM.rawValue | SOCK_CLOEXEC.rawValue)
        guard socketpair(AF_UNIX, type, 0, &ends) == 0 else { throw .system(errno) }
        let (ours, its) = (ends[0], ends[1])
        defer { close(its) }
        let program = Spawn(
            executable,
            arguments,
            environment: environment,
            input: .descriptor(its),
            output: .descriptor(its),
            error: .inherited,
            leads: .processGroup
        )
        let identifier: Int32
        do throws(SpawnError) {
            identifier = try program.start()
        } catch {
            close(ours)
            throw .system(error.errorNumber)
        }
        _ = fcntl(ours, F_SETFL, O_NONBLOCK)
        return ChildProcess(identifier: identifier, channel: HostChannel(adopting: ours))
    }

    /// Waits until a child has ended, and leaves it to be reaped.
    static func awaitEnd(_ identifier: pid_t) {
        var information = siginfo_t()
        while waitid(P_PID, id_t(identifier), &information, WEXITED | WNOWAIT) < 0, errno == EINTR {}
    }

    /// Whether a child that has not been reaped has ended.
    static func hasEnded(_ identifier: pid_t) -> Bool {
        var information = siginfo_t()
        let result = waitid(P_PID, id_t(identifier), &information, WEXITED | WNOWAIT | WNOHANG)
        return result == 0 && information.si_signo == SIGCHLD
    }

    /// Takes the exit code of a child that has ended, which gives its identifier back to the system.
    static func reap(_ identifier: pid_t) -> End {
        var status: Int32 = 0
        while waitpid(identifier, &status, 0) < 0, errno == EINTR {}
        let signal = status & 0x7F
        return signal == 0 ? .exit((status >> 8) & 0xFF) : .signal(signal)
    }
}

/// Kills a process of ours.
func endProcess(_ identifier: Int32) {
    _ = kill(identifier, SIGKILL)
}

extension ChildProcess.End {
    /// The signals that a process brings upon itself.
    static let faults: Set<Int32> = [SIGSEGV, SIGBUS, SIGILL, SIGFPE, SIGTRAP, SIGABRT, SIGSYS, SIGXCPU]
}
