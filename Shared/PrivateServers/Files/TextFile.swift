import Foundation
import Glibc

/// Small files that only their owner reads.
package enum TextFile {
    /// The whole text of the file at `path`.
    package static func read(_ path: String) throws -> String {
        try String(contentsOfFile: path, encoding: .utf8)
    }

    /// The file's first line, or nil when there is no such file or nothing in it.
    package static func firstLine(of path: String) -> String? {
        (try? read(path))?.split(separator: "\n").first.map(String.init)
    }

    /// Writes `text` so that a reader finds the old file or the new one and never half of it.
    package static func replace(_ path: String, with text: String, permissions: Int = 0o600) throws {
        let temporary = "\(path).\(getpid()).new"
        try? FileManager.default.removeItem(atPath: temporary)
        let attributes: [FileAttributeKey: Any] = [.posixPermissions: permissions]
        guard
            FileManager.default.createFile(atPath: temporary, contents: Data(text.utf8), attributes: attributes),
            rename(temporary, path) == 0
        else { throw FileError(path: path, errorNumber: errno) }
    }

    /// The secret kept at `path`; made at the first call: 32 hexadecimal digits from the system's random numbers.
    package static func secret(at path: String, permissions: Int = 0o600) throws -> String {
        if let secret = firstLine(of: path) { return secret }
        var generator = SystemRandomNumberGenerator()
        let digits = (0..<4).map { _ in String(UInt32.random(in: .min ... .max, using: &generator), radix: 16) }
        let secret = digits.map { String(repeating: "0", count: 8 - $0.count) + $0 }.joined()
        try replace(path, with: secret + "\n", permissions: permissions)
        return secret
    }
}

/// Why a file or directory could not be made or used.
package struct FileError: Error, CustomStringConvertible {
    package let path: String
    /// What the system answered.
    package let errorNumber: Int32

    package init(path: String, errorNumber: Int32) {
        self.path = path
        self.errorNumber = errorNumber
    }

    package var description: String { "\(path): \(String(cString: strerror(errorNumber)))" }
}
