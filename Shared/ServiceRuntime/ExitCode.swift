/// The exit codes of our processes, those of `sysexits.h` where it has one.
package enum ExitCode: Int32, Sendable {
    case success = 0
    /// An error that nobody foresaw; the last line of the log has it.
    case failure = 1
    /// The command line is wrong.
    case usage = 64
    /// Work in hand did not end within the time for shutting down.
    case shutdownTimedOut = 70
    /// A server that the process needs was not reachable at start.
    case unreachable = 75
    /// A setting is wrong.
    case configuration = 78
}

/// Why a service did not start.
package enum StartError: Error, CustomStringConvertible {
    /// These could not be reached within the time for starting.
    case unreachable([ReadinessFailure])

    package var description: String {
        switch self {
        case .unreachable(let failures):
            "not reachable in time: " + failures.map { "\($0.check) (\($0.reason))" }.joined(separator: ", ")
        }
    }
}
