import Foundation
import JSON
import PrivateServers

/// What a service writes once it listens: where it is reached.
struct ServiceAnnouncement: Sendable, Hashable {
    let pid: Int32
    /// Where `/_up` and `/metrics` are, for instance `http://127.0.0.1:40001`.
    let operations: String
    /// Its public address, when it has one.
    let http: String?

    /// Reads the file at `path`; nil while it is not there or is another process's.
    init?(path: String, pid: Int32) {
        guard let text = try? TextFile.read(path), let value = try? JSONValue(parsing: text),
            value["pid"]?.intValue == Int(pid), let operations = value["operations"]?.stringValue
        else { return nil }
        self.pid = pid
        self.operations = operations
        http = value["http"]?.stringValue
    }
}
