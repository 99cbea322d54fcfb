extension ChildProcess {
    /// How a process ended.
    package enum ExitStatus: Sendable, Hashable, CustomStringConvertible {
        /// It called `exit` with this code.
        case code(Int32)
        /// This signal ended it.
        case signal(Int32)

        /// Whether it ended as programs end that did what they should.
        package var isSuccess: Bool { self == .code(0) }

        package var description: String {
            switch self {
            case .code(let code): "exit code \(code)"
            case .signal(let number): "signal \(number)"
            }
        }
    }
}
