/// The exit codes by which a script host says why it ended.
package enum HostExit: Int32, Sendable {
    /// Its parent closed the pipe or ended.
    case finished = 0
    /// It could not understand its parent.
    case protocolViolation = 64
    /// One call took too long in a way that the engine cannot interrupt.
    case timeLimit = 65
    /// It had more memory than it may.
    case memoryLimit = 66
    /// It could not set itself up.
    case failedStart = 67
}
