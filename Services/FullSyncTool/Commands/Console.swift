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
}
