import Foundation
import Glibc

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

/// `posix_spawn`, in the one way that this module uses it.
enum Spawn {
    /// Starts `command` and gives its process id.
    static func start(_ command: Command) throws(SpawnError) -> Int32 {
        var actions = posix_spawn_file_actions_t()
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        posix_spawn_file_actions_addopen(&actions, STDIN_FILENO, "/dev/null", O_RDONLY, 0)
        switch command.output {
        case .discarded:
            posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, "/dev/null", O_WRONLY, 0)
        case .appended(let path):
            posix_spawn_file_actions_addopen(&actions, STDOUT_FILENO, path, O_WRONLY | O_CREAT | O_APPEND, 0o600)
        }
        posix_spawn_file_actions_adddup2(&actions, STDOUT_FILENO, STDERR_FILENO)
        keepDescriptorsFromChildren()

        var attributes = posix_spawnattr_t()
        posix_spawnattr_init(&attributes)
        defer { posix_spawnattr_destroy(&attributes) }
        let flags = newSession | POSIX_SPAWN_SETSIGDEF | POSIX_SPAWN_SETSIGMASK
        posix_spawnattr_setflags(&attributes, Int16(flags))
        var signals = sigset_t()
        sigfillset(&signals)
        posix_spawnattr_setsigdefault(&attributes, &signals)
        sigemptyset(&signals)
        posix_spawnattr_setsigmask(&attributes, &signals)

        let words = command.words
        let variables = command.environment.map { "\($0.key)=\($0.value)" }
        var pid: pid_t = 0
        let result = withCStrings(words) { arguments in
            withCStrings(variables) { environment in
                posix_spawn(&pid, words[0], &actions, &attributes, arguments, environment)
            }
        }
        guard result == 0 else { throw SpawnError(executable: command.executable, errorNumber: result) }
        return pid
    }

    /// `POSIX_SPAWN_SETSID` of `<spawn.h>`, which the module `Glibc` does not show.
    private static let newSession: Int32 = 0x80

    /// Marks what this process has open, what it inherited itself included, to be closed in its children.
    private static func keepDescriptorsFromChildren() {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: "/proc/self/fd")) ?? [] {
            guard let descriptor = Int32(name), descriptor > STDERR_FILENO else { continue }
            _ = fcntl(descriptor, F_SETFD, FD_CLOEXEC)
        }
    }

    /// Calls `body` with a null-terminated array of C strings that live as long as the call.
    private static func withCStrings<Result>(
        _ strings: [String],
        _ body: ([UnsafeMutablePointer<CChar>?]) -> Result
    ) -> Result {
        let copies = strings.map { strdup($0) }
        defer { for copy in copies { free(copy) } }
        return body(copies + [nil])
    }
}
