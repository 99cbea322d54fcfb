import Foundation
import JSON
import PrivateServers

/// What the supervisor writes for `fullsync status`: which parts it keeps.
struct StatusFile: Sendable, Hashable {
    /// One part.
    struct Entry: Sendable, Hashable {
        let name: String
        let pid: Int32?
        /// When its process was started, in seconds since 1970.
        let since: Int
        let restarts: Int
        /// Where it answers `/_up`, without the path; nil for the servers.
        let operations: String?
        /// Whether it was ready when this was written.
        let isReady: Bool
    }

    let entries: [Entry]

    /// Reads the file at `path`.
    static func read(_ path: String) throws -> StatusFile {
        let value = try JSONValue(parsing: try TextFile.read(path))
        let entries = (value.arrayValue ?? []).compactMap { entry -> Entry? in
            guard let name = entry["name"]?.stringValue, let since = entry["since"]?.intValue,
                let restarts = entry["restarts"]?.intValue
            else { return nil }
            return Entry(
                name: name,
                pid: entry["pid"]?.intValue.flatMap { Int32(exactly: $0) },
                since: since,
                restarts: restarts,
                operations: entry["operations"]?.stringValue,
                isReady: entry["ready"]?.boolValue ?? false
            )
        }
        return StatusFile(entries: entries)
    }

    /// Writes it to `path`, whole or not at all.
    func write(_ path: String) throws {
        let value = JSONValue.array(
            entries.map { entry in
                [
                    "name": .string(entry.name),
                    "pid": entry.pid.map { .number(JSONNumber(Int($0))) } ?? .null,
                    "since": .number(JSONNumber(entry.since)),
                    "restarts": .number(JSONNumber(entry.restarts)),
                    "operations": entry.operations.map { .string($0) } ?? .null,
                    "ready": .bool(entry.isReady),
                ]
            }
        )
        try TextFile.replace(path, with: value.text + "\n")
    }
}

extension StatusFile {
    /// A line of the table that `fullsync status` prints.
    struct Row: Sendable {
        let cells: [String]
        let isReady: Bool
    }

    /// The table, with each service asked again whether it is ready.
    func rows(now: Date) async -> [Row] {
        var rows: [Row] = []
        for entry in entries {
            let isReady =
                if entry.isReady, let operations = entry.operations {
                    await ReadinessProbe.isReady(operations)
                } else { entry.isReady }
            let uptime = Self.text(ofSeconds: Int(now.timeIntervalSince1970) - entry.since)
            let process = entry.pid.map { String($0) } ?? "-"
            let cells = [entry.name, process, uptime, String(entry.restarts), isReady ? "ready" : "not ready"]
            rows.append(Row(cells: cells, isReady: isReady))
        }
        return rows
    }

    /// For instance `2d 3h`, `3h 12m`, `12m 5s`, `5s`.
    static func text(ofSeconds seconds: Int) -> String {
        let units = [(86_400, "d"), (3_600, "h"), (60, "m"), (1, "s")]
        var rest = max(0, seconds)
        var words: [String] = []
        for (size, name) in units {
            if rest >= size || (size == 1 && words.isEmpty) { words.append("\(rest / size)\(name)") }
            rest %= size
        }
        return words.prefix(2).joined(separator: " ")
    }
}
