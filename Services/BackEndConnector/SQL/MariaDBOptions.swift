import Foundation
import Glibc
import Synchronization

/// What MariaDB's driver is told by a file, because no other way tells it: that it sends no files of this machine.
///
/// Its library answers whatever statement with a file when the server asks for one, so a server that a project names
/// could read the connector's secrets. The driver reads the file where its connection string says `USE_MYCNF`, behind
/// those of the operator in `/etc`; its folder stands in the environment, in `MARIADB_HOME`.
final class MariaDBOptions: Sendable {
    static let shared = MariaDBOptions()

    private static let content = "[odbc]\nlocal-infile=0\n"

    private let directory: String
    private let isWritten = Mutex(false)

    private init() {
        directory = FileManager.default.temporaryDirectory.path + "/fullsync-mariadb-" + UUID().uuidString
    }

    /// Sees that the file is there; before each connection, for without it the driver does what it must not.
    func provide() throws(ExchangeFailure) {
        do {
            try isWritten.withLock { isWritten in
                let path = directory + "/my.cnf"
                if isWritten, (try? String(contentsOfFile: path, encoding: .utf8)) == Self.content { return }
                try FileManager.default.createDirectory(
                    atPath: directory,
                    withIntermediateDirectories: true,
                    attributes: [.posixPermissions: 0o700]
                )
                try Data(Self.content.utf8).write(to: URL(fileURLWithPath: path), options: .atomic)
                if !isWritten { setenv("MARIADB_HOME", directory, 1) }
                isWritten = true
            }
        } catch {
            throw .connectFailed("the options of its driver cannot be written to a file")
        }
    }
}
