import CSpawn
import Glibc

/// A program to be started as a child process, by `posix_spawn`.
///
/// The child has of this process what is named here and nothing else: no other descriptor, whatever other threads open
/// meanwhile, no variable of the environment, no blocked signal and no handler. NIO does not mark its sockets to be
/// closed in children, and one that a child keeps is not closed for its peer when we close it.
package struct Spawn {
    /// What a standard descriptor of the child refers to.
    package enum Stream {
        /// What it is in this process.
        case inherited
        /// What this descriptor of this process refers to.
        case descriptor(Int32)
        case null
        /// The file at this path, written at its end, and made readable by its owner alone when it does not exist.
        case appended(to: String)
    }

    /// What the child leads, so that a signal reaches it and what it started, and no terminal's signal does.
    package enum Leadership {
        case session
        case processGroup
    }

    /// The program's path.
    package var executable: String
    package var arguments: [String]
    /// `NAME=value`, the whole environment.
    package var environment: [String]
    package var input: Stream
    package var output: Stream
    package var error: Stream
    package var leads: Leadership

    package init(
        _ executable: String,
        _ arguments: [String],
        environment: [String],
        input: Stream,
        output: Stream,
        error: Stream,
        leads: Leadership
    ) {
        self.executable = executable
        self.arguments = arguments
        self.environment = environment
        (self.input, self.output, self.error) = (input, output, error)
        self.leads = leads
    }

    /// Starts it and gives its process id, which its owner reaps.
    package func start() throws(SpawnError) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        try check(input.add(to: &actions, as: STDIN_FILENO))
        try check(output.add(to: &actions, as: STDOUT_FILENO))
        try check(error.add(to: &actions, as: STDERR_FILENO))
        try check(posix_spawn_file_actions_addclosefrom_np(&actions, STDERR_FILENO + 1))

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        posix_spawnattr_setflags(&attributes, Int16(leads.flag | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK))
        posix_spawnattr_setpgroup(&attributes, 0)
        var signals = sigset_t()
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)

        var child: pid_t = 0
        let result = withCStrings([executable] + arguments) { arguments in
            withCStrings(environment) { environment in
                posix_spawn(&child, executable, &actions, &attributes, arguments, environment)
            }
        }
        try check(result)
        return child
    }

    private func check(_ result: Int32) throws(SpawnError) {
        guard result == 0 else { throw SpawnError(executable: executable, errorNumber: result) }
    }

    /// Calls `body` with a null-terminated array of C strings that live as long as the call.
    private func withCStrings<Result>(
        _ strings: [String],
        _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let copies = strings.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        return body(copies + [nil])
    }
}

/// Why a child process could not be started.
package struct SpawnError: Error, CustomStringConvertible {
    /// The program.
    package let executable: String
    /// What the system answered.
    package let errorNumber: Int32

    package var description: String {
        "\(executable) cannot be started: \(String(cString: strerror(errorNumber)))"
    }
}

extension Spawn.Stream {
    fileprivate func add(to actions: inout posix_spawn_file_actions_t, as own: Int32) -> Int32 {
        switch self {
        case .inherited: 0
        case .descriptor(let descriptor): posix_spawn_file_actions_adddup2(&actions, descriptor, own)
        case .null: posix_spawn_file_actions_addopen(&actions, own, "/dev/null", O_RDWR, 0)
        case .appended(let path):
            posix_spawn_file_actions_addopen(&actions, own, path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        }
    }
}

extension Spawn.Leadership {
    fileprivate var flag: Int32 {
        switch self {
        case .session: fullsync_spawn_new_session
        case .processGroup: POSIX_SPAWN_SETPGROUP
        }
    }
}
