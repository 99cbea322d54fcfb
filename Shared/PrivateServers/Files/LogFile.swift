import Foundation
import Glibc

/// A log that a child process appends to.
package struct LogFile: Sendable {
    package let path: String

    package init(_ path: String) {
        self.path = path
    }

    /// The file's present size in bytes; zero when there is none.
    package var size: Int {
        let attributes = try? FileManager.default.attributesOfItem(atPath: path)
        return (attributes?[.size] as? NSNumber)?.intValue ?? 0
    }

    /// The last lines of what was written after the first `offset` bytes, within the last 64 KiB.
    package func lastLines(_ count: Int = 15, after offset: Int = 0) -> [String] {
        guard let file = FileHandle(forReadingAtPath: path) else { return [] }
        defer { try? file.close() }
        let start = max(offset, size - 65_536)
        guard (try? file.seek(toOffset: UInt64(max(0, start)))) != nil, let data = try? file.readToEnd() else {
            return []
        }
        let text = String(decoding: data, as: UTF8.self)
        return text.split(separator: "\n").suffix(count).map(String.init)
    }

    /// Keeps at most `limit` bytes here and as much again in `<path>.1`.
    ///
    /// The file is copied and emptied rather than renamed: the child keeps it open, and writes on at its new end
    /// because it opened it for appending. A line written between the two steps is lost.
    package func rotate(above limit: Int) {
        guard size > limit else { return }
        let previous = path + ".1"
        try? FileManager.default.removeItem(atPath: previous)
        try? FileManager.default.copyItem(atPath: path, toPath: previous)
        truncate(path, 0)
    }
}
