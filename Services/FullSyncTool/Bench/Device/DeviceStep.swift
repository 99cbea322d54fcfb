import ArgumentParser
import CouchProtocol
import Foundation
import FullSyncClient
import GRDB
import JSON

/// What is measured of the device's half in a process of its own.
enum DeviceStep: String, CaseIterable, ExpressibleByArgument, Sendable {
    /// A first pull into an empty file.
    case pull
    /// A first pull into an empty file from the running system, over HTTP.
    case remotePull = "remote-pull"
    /// The rows that the pull has written, inserted by GRDB alone.
    case plain
    /// Reads and writes of single documents of the file.
    case use
    /// Views and an index of the documents in the file.
    case views
    /// Ten edits of each document of the file.
    case edits

    /// Measures it; the file is `pulled.sqlite` in the directory, where the first step leaves it.
    func measure(_ count: Int, in directory: URL) async throws -> DeviceFigures {
        let file = directory.appendingPathComponent("pulled.sqlite").path
        let remote = directory.appendingPathComponent("remote.sqlite").path
        switch self {
        case .pull: return try await Self.pull(from: DeviceFeed(count: count), count, file)
        case .remotePull: return try await Self.remotePull(count, remote)
        case .plain: return try await Self.plain(count, file, directory.appendingPathComponent("plain.sqlite").path)
        case .use: return try await Self.onDatabase(file) { try await Self.use($0, count) }
        case .views: return try await Self.onDatabase(file) { try await DeviceViewStep(count: count).measure($0) }
        case .edits: return try await Self.edits(count, file)
        }
    }

    private static func onDatabase(
        _ file: String,
        _ body: (FullSyncDatabase) async throws -> DeviceFigures
    ) async throws -> DeviceFigures {
        let database = FullSyncDatabase(name: "bench", replica: try SQLiteReplica(path: file))
        let figures = try await body(database)
        try database.replica.close()
        return figures
    }

    /// Where a remote pull finds its database: the server's address with a user's name and password, which no list of
    /// processes is to show.
    static let sourceVariable = "FULLSYNC_BENCH_SOURCE"
    /// The database's name.
    static let databaseVariable = "FULLSYNC_BENCH_DATABASE"

    private static func remotePull(_ count: Int, _ file: String) async throws -> DeviceFigures {
        let environment = ProcessInfo.processInfo.environment
        guard let address = environment[sourceVariable], let database = environment[databaseVariable] else {
            throw DemoFailure("\(sourceVariable) and \(databaseVariable) name what is pulled")
        }
        return try await pull(from: try FullSyncServer(address: address).database(database), count, file)
    }

    private static func pull(from source: any Replica, _ count: Int, _ file: String) async throws -> DeviceFigures {
        let replica = try SQLiteReplica(path: file)
        let time = try await ContinuousClock().measure {
            _ = try await Replicator(from: source, to: replica).run()
        }
        let info = try await replica.info()
        guard info.documentCount == count else { throw CouchError.badRequest("\(info.documentCount) were pulled") }
        try replica.close()
        return DeviceFigures(["pull": time])
    }

    /// As many in a transaction as the pull has, and as durable.
    private static func plain(_ count: Int, _ source: String, _ file: String) async throws -> DeviceFigures {
        // Makes the tables.
        try SQLiteReplica(path: file).close()
        let (pulled, pool) = (try DatabaseQueue(path: source), try DatabasePool(path: file))
        var (time, last, written) = (Duration.zero, 0, 0)
        while true {
            let rows = try await pulled.read { [last] db in
                try Row.fetchAll(
                    db,
                    sql: """
                        SELECT number, body, owner, group_names, has_attachments,
                            id, sequence, is_deleted, is_local, tree, conflicts
                        FROM documents JOIN bodies ON number = sequence
                        WHERE sequence > ? ORDER BY sequence LIMIT 500
                        """,
                    arguments: [last]
                )
                .map { Array($0.databaseValues) }
            }
            guard !rows.isEmpty else { break }
            (last, written) = (last + rows.count, written + rows.count)
            time += try await ContinuousClock().measure {
                try await pool.write { db in
                    let bodies = try db.cachedStatement(sql: "INSERT INTO bodies VALUES (?, ?, ?, ?, ?)")
                    let documents = try db.cachedStatement(sql: "INSERT INTO documents VALUES (?, ?, ?, ?, ?, ?)")
                    for row in rows {
                        try bodies.execute(arguments: StatementArguments(row[..<5]))
                        try documents.execute(arguments: StatementArguments(row[5...]))
                    }
                }
            }
        }
        guard written == count else { throw CouchError.badRequest("\(written) of \(count) were inserted") }
        try pulled.close()
        try pool.close()
        return DeviceFigures(["plain": time])
    }

    private static func use(_ database: FullSyncDatabase, _ count: Int) async throws -> DeviceFigures {
        let get = try await DeviceFigures.median(of: 2_000) { number in
            _ = try await database.get(BenchDocuments.id(number * 7 % count))
        }
        let post = try await DeviceFigures.median(of: 2_000) { number in
            let id = JSONValue.string(BenchDocuments.id(number * 7 % count))
            try await database.post(["_id": id, "n": .number(JSONNumber(number))], policy: .merge)
        }
        return DeviceFigures(["get": get, "post": post])
    }

    private static func edits(_ count: Int, _ file: String) async throws -> DeviceFigures {
        let database = FullSyncDatabase(name: "bench", replica: try SQLiteReplica(path: file))
        for edit in 0..<10 {
            for start in stride(from: 0, to: count, by: 500) {
                let edits: [JSONObject] = (start..<min(start + 500, count)).map { number in
                    ["_id": .string(BenchDocuments.id(number)), "edit": .number(JSONNumber(edit))]
                }
                try await database.bulk(edits, policy: .merge)
            }
        }
        var bytes = 0
        for start in stride(from: 0, to: count, by: 500) {
            var page = ListOptions()
            (page.skip, page.limit, page.includesDocuments) = (0, 500, true)
            page.startKey = BenchDocuments.id(start)
            for row in try await database.all(page) {
                bytes += row.document.map { JSONValue.object($0).bytes.count } ?? 0
            }
        }
        try database.replica.close()
        var figures = DeviceFigures([:])
        for suffix in ["", "-wal", "-shm"] where FileManager.default.fileExists(atPath: file + suffix) {
            figures.fileSize += try FileManager.default.attributesOfItem(atPath: file + suffix)[.size] as? Int ?? 0
        }
        figures.documentsSize = bytes
        return figures
    }
}

/// What a step has found, as the process that measures tells it to the one that asked.
struct DeviceFigures: Codable, Sendable {
    /// Durations in seconds, by what took them.
    private var seconds: [String: Double]
    /// What the process had in memory at most, in bytes.
    var memory = 0
    var fileSize = 0
    /// How many bytes the documents have as JSON.
    var documentsSize = 0

    init(_ durations: [String: Duration]) {
        seconds = durations.mapValues { $0 / .seconds(1) }
    }

    subscript(_ name: String) -> Duration { .seconds(seconds[name] ?? 0) }

    static func median(of count: Int, _ body: (Int) async throws -> Void) async throws -> Duration {
        var durations: [Duration] = []
        for number in 0..<count { durations.append(try await ContinuousClock().measure { try await body(number) }) }
        return Figures(durations).median
    }

    /// What this process has had in memory at most (`VmHWM` of proc(5)), in bytes.
    static func peakMemory() throws -> Int {
        let status = try String(contentsOfFile: "/proc/self/status", encoding: .utf8)
        let line = status.split(separator: "\n").first { $0.hasPrefix("VmHWM:") }
        return (line?.split(whereSeparator: \.isWhitespace).dropFirst().first.flatMap { Int($0) } ?? 0) << 10
    }
}
