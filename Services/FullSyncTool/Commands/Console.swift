import Foundation
import Glibc

/// Standard output, a line at a time.
struct Console: Sendable {
    init() {
        // Who reads the output may go away; that is no reason to die.
        signal(SIGPIPE, SIG_IGN)
    }

    /// Prints a line at once, whatever the output is connected to.
    func print(_ line: String) {
        try? FileHandle.standardOutput.write(contentsOf: Data((line + "\n").utf8))
    }

    /// Says on standard error what is going on.
    func progress(_ line: String) {
        try? FileHandle.standardError.write(contentsOf: Data((line + "\n").utf8))
    }
}
