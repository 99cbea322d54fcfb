import Glibc

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
        var identifier: pid_t = 0
        let code = spawn(&identifier, executable, arguments, environment, its)
        guard code == 0 else {
            close(ours)
            throw .system(code)
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

    private static func spawn(
        _ identifier: inout pid_t,
        _ executable: String,
        _ arguments: [String],
        _ environment: [String],
        _ channel: Int32
    ) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_adddup2(&actions, channel, 0)
        posix_spawn_file_actions_adddup2(&actions, channel, 1)

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        var none = sigset_t()
        var all = sigset_t()
        sigemptyset(&none)
        sigfillset(&all)
        posix_spawnattr_setsigmask(&attributes, &none)
        posix_spawnattr_setsigdefault(&attributes, &all)
        posix_spawnattr_setpgroup(&attributes, 0)
        let flags = POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETPGROUP
        posix_spawnattr_setflags(&attributes, Int16(flags))

        var argv = ([executable] + arguments).map { strdup($0) } + [nil]
        var envp = environment.map { strdup($0) } + [nil]
        defer { for text in argv + envp { free(text) } }
        return posix_spawn(&identifier, executable, &actions, &attributes, &argv, &envp)
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
