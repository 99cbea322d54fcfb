import Glibc
import Synchronization

/// Standard output, a line at a time.
struct Console: Sendable {
    /// Whether a person reads the output as it comes.
    static let isTerminal = isatty(STDOUT_FILENO) == 1

    /// What the system answered when output could not be written; nil when all could.
    static var outputError: Int32? { failure.withLock { $0 } }

    private static let failure = Mutex<Int32?>(nil)

    init() {
        // Who reads the output may go away; that is no reason to die.
        signal(SIGPIPE, SIG_IGN)
    }

    /// Prints a line at once, whatever the output is connected to.
    ///
    /// A command whose output is its purpose ends with what could not be written, unless nobody reads it any more.
    func print(_ line: String) {
        guard let error = Self.write(line, to: STDOUT_FILENO), error != EPIPE else { return }
        Self.failure.withLock { $0 = $0 ?? error }
    }

    /// Says on standard error what is going on.
    func progress(_ line: String) {
        _ = Self.write(line, to: STDERR_FILENO)
    }

    /// Writes a line; gives what the system answered when it cannot.
    private static func write(_ line: String, to file: Int32) -> Int32? {
        var rest = Array((line + "\n").utf8)[...]
        while !rest.isEmpty {
            let count = rest.withUnsafeBytes { Glibc.write(file, $0.baseAddress, $0.count) }
            if count >= 0 {
                rest = rest.dropFirst(count)
                continue
            }
            switch errno {
            case EINTR: continue
            case EAGAIN:
                // Whoever shares the output has made it one that does not wait.
                var wanted = pollfd(fd: file, events: Int16(POLLOUT), revents: 0)
                poll(&wanted, 1, -1)
            case let error: return error
            }
        }
        return nil
    }
}
