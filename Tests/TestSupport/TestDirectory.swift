import Foundation
import Glibc
import PrivateServers

/// A directory for what the tests of a process leave on the disk.
package enum TestDirectory {
    /// Made at the first use.
    ///
    /// At the process's exit the private servers in it are killed and it is removed; when the process could not, the
    /// next one that runs tests removes it.
    package static let shared: String = {
        removeAbandoned()
        let identity = ProcessIdentity.current.map { "\($0.pid)-\($0.startTicks)" } ?? "unknown"
        let path = "/tmp/\(prefix)\(identity)"
        // Others pass through, because root's PostgreSQL runs under another account.
        mkdir(path, 0o711)
        chmod(path, 0o711)
        atexit { TestDirectory.removeShared() }
        return path
    }()

    /// A new, empty directory in the shared one.
    ///
    /// Remove it, or leave that to the process's exit.
    package static func make(_ name: String = "test") -> String {
        let path = "\(shared)/\(name)-\(UUID().uuidString.prefix(8).lowercased())"
        mkdir(path, 0o711)
        chmod(path, 0o711)
        return path
    }

    private static let prefix = "fullsync-tests-"

    /// Kills the servers below the directory, each of which left its identity there, and removes it.
    private static func removeShared() {
        let files = FileManager.default.enumerator(atPath: shared)?.compactMap { $0 as? String } ?? []
        let servers = files.filter { $0.hasSuffix("/process") }
            .compactMap { TextFile.firstLine(of: "\(shared)/\($0)") }
            .compactMap { ProcessIdentity($0) }
        for server in servers { server.send(.kill) }
        for server in servers where server.isRunning {
            // The process is ending: nothing is left to wait on but the table of processes.
            for _ in 0..<500 where server.isRunning { poll(nil, 0, 10) }
        }
        try? FileManager.default.removeItem(atPath: shared)
    }

    /// Removes the directories of processes that are gone.
    private static func removeAbandoned() {
        for name in (try? FileManager.default.contentsOfDirectory(atPath: "/tmp")) ?? [] where name.hasPrefix(prefix) {
            let owner = name.dropFirst(prefix.count).replacingOccurrences(of: "-", with: " ")
            guard ProcessIdentity(owner)?.isRunning == false else { continue }
            try? FileManager.default.removeItem(atPath: "/tmp/\(name)")
        }
    }
}
