import Foundation
import JSON
import TestSupport
import Testing

extension SystemTests {
    /// Runs that were set aside, the tool that finds and retries them, and listeners that are sent back or come back.
    @Suite(.timeLimit(.minutes(30))) struct SetAsideTests {
        /// Notes each order in the ledger, unless the gate is closed: the document `gate` of the ledger's database.
        private static func files(_ name: String, listens: Bool = true) -> JSONObject {
            var files: JSONObject = [
                "project.yaml": .string("project: \(name)\n"),
                "databases/\(name)/database.yaml": "description: Orders.\n",
                "databases/\(name)-ledger/database.yaml": "description: What was noted.\n",
                "connectors/ledger.yaml": .string("type: fullsync\ndatabase: \(name)-ledger\n"),
                "sequences/note.yaml": """
                variables: {doc: {type: object, multi: true}}
                steps:
                  - callTransaction: ledger.allDocs
                    with: {key: gate, includeDocs: true}
                    as: gate
                  - fail: {code: script, message: The gate is closed.}
                    when: gate.rows[0]?.doc.closed === true
                  - forEach: doc
                    item: order
                    do:
                      - callTransaction: ledger.postDocument
                        with: {document: "={order: order._id, n: order.n}"}
                """,
            ]
            if listens {
                files["listeners/note.yaml"] = .string(
                    "database: \(name)\nall: true\norigin: any\nchunk: 1\nordering: pass\nsequence: note\n"
                )
            }
            return files
        }

        private struct Stage {
            let system: RunningSystem
            let name: String

            static func make() async throws -> Stage {
                let stage = Stage(system: try await RunningSystem.shared, name: uniqueID("aside"))
                try await stage.deploy()
                return stage
            }

            func deploy(listening: Bool = true) async throws {
                let files: JSONValue = ["files": .object(SetAsideTests.files(name, listens: listening))]
                let answer = try await system.administrator.send("PUT", "/_fullsync/projects/\(name)", files)
                try #require(answer.status == 200, "\(answer.json)")
            }

            func put(_ id: String, _ members: JSONObject = [:], in database: String? = nil) async throws {
                let path = "/\(database ?? name)/\(id)"
                var document = members
                let present = try await system.administrator.get(path)
                if present.status == 200 { document["_rev"] = present.json["_rev"] }
                let answer = try await system.administrator.send("PUT", path, .object(document))
                try #require(answer.status == 201, "\(answer.json)")
            }

            func gate(closed: Bool) async throws {
                try await put("gate", ["closed": .bool(closed)], in: "\(name)-ledger")
            }

            /// What was noted, with how often; a number behind an order that has one.
            func noted() async throws -> [String: Int] {
                let path = "/\(name)-ledger/_all_docs?include_docs=true"
                let rows = try await system.administrator.get(path).json["rows"]?.arrayValue ?? []
                let notes = rows.compactMap { row in
                    row["doc"]?["order"]?.stringValue.map { $0 + (row["doc"]?["n"]?.text ?? "") }
                }
                return Dictionary(notes.map { ($0, 1) }, uniquingKeysWith: +)
            }

            func awaitNotes(_ expected: [String: Int]) async throws {
                try await eventually("\(expected) are noted") { try await noted() == expected }
            }

            func listener() async throws -> JSONValue {
                try await system.administrator.get("/_fullsync/projects/\(name)/listeners/note").json
            }

            /// The rows that a statement answers.
            func sql(_ statement: String) async throws -> [String] {
                try await CommandFailure.check(
                    "/usr/bin/psql",
                    [
                        "--no-psqlrc", "--tuples-only", "--no-align", "--quiet", "--dbname=\(system.postgres)",
                        "--command=\(statement)",
                    ]
                )
            }

            /// What the tool prints as JSON.
            func tool(_ arguments: [String]) async throws -> JSONValue {
                let port = try #require(URLComponents(string: system.http)?.port)
                let lines = try await CommandFailure.check(
                    Executables.path("fullsync"),
                    arguments + ["--json"],
                    environment: ["PATH": "/usr/bin:/bin", "FULLSYNC_HOME": system.home, "FULLSYNC_PORT": String(port)]
                )
                return try JSONValue(parsing: lines.joined(separator: "\n"))
            }
        }

        @Test func `what failed for one reason is found and retried together, and has its effect once`() async throws {
            let stage = try await Stage.make()
            try await stage.gate(closed: true)
            for id in ["a", "b", "c"] { try await stage.put(id) }
            try await eventually("all have failed") { try await stage.listener()["failed"] == 3 }
            try await stage.gate(closed: false)
            try await stage.put("d")
            try await stage.awaitNotes(["d": 1])

            let choice = ["--listener", "note", "--project", stage.name, "--since", "1d"]
            let found = try await stage.tool(["runs", "--state", "failed"] + choice)["runs"]?.arrayValue ?? []
            #expect(found.count == 3)
            #expect(found.allSatisfy { $0["cause"] == "listener" && $0["source"] == "note" })
            for other in [
                ["--listener", "other"], ["--sequence", "other"], ["--user", "nobody"], ["--cause", "call"],
            ] {
                let none = try await stage.tool(["runs", "--project", stage.name] + other)
                #expect(none["runs"] == [], "\(other)")
            }
            let ofSequence = ["--project", stage.name, "--sequence", "note"]
            try await eventually("the run that went well has ended") {
                try await stage.tool(["runs", "--state", "succeeded"] + ofSequence)["runs"]?.arrayValue?.count == 1
            }

            let first = try await stage.tool(["retry", "--limit", "2"] + choice)
            // The oldest first, which the list has last.
            #expect(first["retried"]?.arrayValue == found.reversed().prefix(2).compactMap { $0["id"] })
            #expect(first["more"] == true && first["refused"] == [])
            try await stage.awaitNotes(["a": 1, "b": 1, "d": 1])
            let second = try await stage.tool(["retry"] + choice)
            #expect(second["retried"]?.arrayValue?.count == 1 && second["more"] == false)
            try await stage.awaitNotes(["a": 1, "b": 1, "c": 1, "d": 1])
            #expect(try await stage.tool(["retry"] + choice)["retried"] == [])
        }

        @Test func `a run that cannot be retried is in the way of none behind it`() async throws {
            let stage = try await Stage.make()
            try await stage.gate(closed: true)
            for id in ["a", "b", "c"] { try await stage.put(id) }
            try await eventually("all have failed") { try await stage.listener()["failed"] == 3 }
            try await stage.gate(closed: false)
            _ = try await stage.sql(
                """
                UPDATE runs SET variables = NULL
                WHERE number = (SELECT min(number) FROM runs WHERE source_project = '\(stage.name)')
                """
            )
            for hasMore in [true, false] {
                let retry = ["retry", "--limit", "1", "--listener", "note", "--project", stage.name]
                let outcome = try await stage.tool(retry)
                #expect(outcome["retried"]?.arrayValue?.count == 1 && outcome["refused"]?.arrayValue?.count == 1)
                #expect(outcome["more"] == JSONValue.bool(hasMore))
                try await stage.awaitNotes(hasMore ? ["b": 1] : ["b": 1, "c": 1])
            }
        }

        @Test func `a change that is retried after later ones were let through is done, and once`() async throws {
            let stage = try await Stage.make()
            try await stage.gate(closed: true)
            try await stage.put("a", ["n": 1])
            try await eventually("it has failed") { try await stage.listener()["failed"] == 1 }
            try await stage.gate(closed: false)
            try await stage.put("a", ["n": 2])
            try await stage.awaitNotes(["a2": 1])
            _ = try await stage.tool(["retry", "--listener", "note", "--project", stage.name])
            try await stage.awaitNotes(["a1": 1, "a2": 1])
            #expect(try await stage.listener()["failed"] == 0)
        }

        @Test func `a listener that comes back goes on where it was, or begins anew where the log has ended`()
            async throws
        {
            let stage = try await Stage.make()
            try await stage.put("a")
            try await stage.awaitNotes(["a": 1])
            try await stage.deploy(listening: false)
            try await stage.put("b")
            try await stage.deploy()
            try await stage.awaitNotes(["a": 1, "b": 1])

            try await stage.deploy(listening: false)
            try await eventually("nobody listens") {
                try await stage.sql(
                    "SELECT until < now() FROM leases WHERE name = 'listener/\(stage.name)/note@\(stage.name)'"
                ) == ["t"]
            }
            try await stage.put("c")
            try await stage.put("c2")
            // As time does it, when nobody who listens needs it.
            _ = try await stage.sql(
                """
                DELETE FROM change_log USING databases
                WHERE change_log.database = databases.id AND databases.name = '\(stage.name)' AND change_log.id < 'c2'
                """
            )
            try await stage.deploy()
            try await stage.put("d")
            try await stage.awaitNotes(["a": 1, "b": 1, "d": 1])
        }

        @Test func `rewinding a listener says how many of its runs that waited are cancelled`() async throws {
            let stage = try await Stage.make()
            try await stage.put("a")
            try await stage.awaitNotes(["a": 1])
            let path = "/_fullsync/projects/\(stage.name)/listeners/note/rewind"
            let kept = try await stage.system.administrator.send("POST", path, ["to": "now"])
            #expect(kept.status == 200 && kept.json["cancelled"] == nil)
            let wrong = try await stage.system.administrator.send("POST", path, ["to": "now", "cancelWaiting": 1])
            #expect(wrong.status == 400)
            let rewound = try await stage.tool(
                ["listeners", "rewind", stage.name, "note", "--to", "beginning", "--cancel-waiting"]
            )
            #expect(rewound["cancelled"] == 0 && rewound["name"] == "note")
            try await stage.awaitNotes(["a": 2])
        }
    }
}
