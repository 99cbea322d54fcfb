import Foundation
import Synchronization

/// Where the lines of the log go.
package struct LogOutput: Sendable {
    /// Takes one whole line with its line end.
    let write: @Sendable ([UInt8]) -> Void

    package init(write: @escaping @Sendable ([UInt8]) -> Void) {
        self.write = write
    }

    /// The standard error stream; lines of several threads never mix.
    package static let standardError: LogOutput = {
        let stream = Mutex(FileHandle.standardError)
        return LogOutput { line in
            // A log that cannot be written has nowhere to say so.
            stream.withLock { try? $0.write(contentsOf: Data(line)) }
        }
    }()
}
