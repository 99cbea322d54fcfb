/// Why a private server does not run.
package struct PrivateServerError: Error, CustomStringConvertible {
    /// What stood in the way.
    package enum Reason: Sendable, Hashable {
        /// A Debian package is missing.
        case notInstalled(package: String)
        /// Another process runs a server in the directory.
        case directoryInUse
        /// The directory holds data that this server cannot take: what they are, in words.
        case foreignData(String)
        /// It ended before it was ready.
        case ended(ChildProcess.ExitStatus)
        /// It was not ready in time.
        case late(Duration)
        /// Somebody asked to stop while it started.
        case cancelled
        /// A step before the start failed.
        case preparation(String)
    }

    /// The server's name.
    package let server: String
    package let directory: String
    package let reason: Reason
    /// The end of its log, oldest line first.
    package var lastLines: [String] = []

    package var description: String {
        let end = lastLines.map { "\n    \($0)" }.joined()
        return switch reason {
        case .notInstalled(let package): "\(server) is not installed: apt-get install \(package)"
        case .directoryInUse: "\(server): another process uses \(directory)"
        case .foreignData(let what): "\(server): \(directory) holds \(what)"
        case .ended(let status): "\(server) ended at its start (\(status)); its last lines:\(end)"
        case .late(let wait): "\(server) was not ready within \(wait); its last lines:\(end)"
        case .cancelled: "\(server): the start was interrupted"
        case .preparation(let step): "\(server): \(step)\(end)"
        }
    }
}
