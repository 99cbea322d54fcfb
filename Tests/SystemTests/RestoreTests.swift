import Foundation
import JSON
import TestSupport
import Testing

extension SystemTests {
    /// An endpoint whose database is that of a backup.
    @Suite(.timeLimit(.minutes(30))) struct RestoreTests {
        /// Makes a database in the system's PostgreSQL and gives its address.
        private func makeDatabase(_ system: RunningSystem) async throws -> String {
            let name = "restore_\(UInt64.random(in: 0 ... .max))"
            let statement = "CREATE DATABASE \(name)"
            try await CommandFailure.check("/usr/bin/psql", ["--dbname=\(system.postgres)", "--command=\(statement)"])
            var address = try #require(URLComponents(string: system.postgres))
            address.path = "/" + name
            return try #require(address.string)
        }

        @Test func `a device that has seen more than the backup is not skipped ahead, and is told all`() async throws {
            let system = try await RunningSystem.shared
            let (first, second) = (try await makeDatabase(system), try await makeDatabase(system))
            func read(_ client: Client, since: String) async throws -> (ids: [String], end: String) {
                let answer = try await client.get("/data/_changes?since=\(since)").json
                let ids = answer["results"]?.arrayValue?.compactMap { $0["id"]?.stringValue } ?? []
                return (ids, try #require(answer["last_seq"]?.stringValue, "\(answer)"))
            }
            var place = "0"
            try await system.withInstance(["FULLSYNC_POSTGRES_URL": first]) { instance in
                let client = Client(instance.http, system.administrator.credentials)
                #expect(try await client.send("PUT", "/data").status == 201)
                for id in ["a", "b"] { #expect(try await client.send("PUT", "/data/\(id)", [:]).status == 201) }
                // (The path is this test's own, and nothing of a shell's.)
                try await CommandFailure.check("/bin/sh", ["-c", "pg_dump '\(first)' | psql --quiet '\(second)'"])
                #expect(try await client.send("PUT", "/data/lost", [:]).status == 201)
                place = try await read(client, since: "0").end
                #expect(try await read(client, since: place).ids.isEmpty)
            }
            try await system.withInstance(["FULLSYNC_POSTGRES_URL": second]) { instance in
                let client = Client(instance.http, system.administrator.credentials)
                for id in ["c", "d"] { #expect(try await client.send("PUT", "/data/\(id)", [:]).status == 201) }
                #expect(try await read(client, since: place).ids == ["a", "b", "c", "d"])
                let present = try await read(client, since: place).end
                #expect(try await read(client, since: present).ids.isEmpty)
                // And once more when the operator says so.
                let said = try await client.send("POST", "/_fullsync/incarnations", [:])
                #expect(said.status == 200, "\(said.json)")
                #expect(try await read(client, since: present).ids == ["a", "b", "c", "d"])
            }
        }
    }
}
