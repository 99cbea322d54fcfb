import Foundation
import JSON
import TestSupport
import Testing

extension SystemTests {
    /// What operators do with listeners, jobs and runs, and what listeners hand over.
    @Suite(.timeLimit(.minutes(30))) struct OperationTests {
        @Test
        func `a listener has what its selector says, with conflicts and stubs, and the last content of a deletion`()
            async throws
        {
            let stage = try await OperationStage.make()
            let first = try await stage.put("order-1", ["type": "order", "closed": false])
            let attachment: JSONObject = ["data": "aGVsbG8=", "content_type": "text/plain"]
            let second = try await stage.put(
                "order-1",
                ["type": "order", "closed": true, "_attachments": ["a.txt": .object(attachment)]],
                after: first
            )
            _ = try await stage.user.send("DELETE", "\(stage.documents)/order-1?rev=\(second)")
            let entries = try await stage.entries("closed", count: 2)
            #expect(entries[0]["doc"]?["_rev"]?.stringValue == second)
            #expect(entries[0]["doc"]?["_attachments"]?["a.txt"]?["stub"] == true)
            #expect(entries[0]["doc"]?["_attachments"]?["a.txt"]?["length"] == 5)
            #expect(entries[1]["doc"]?["_deleted"] == true)
            #expect(entries[1]["doc"]?["closed"] == true)
            #expect(entries[1]["doc"]?["_rev"]?.stringValue?.hasPrefix("3-") == true)
            #expect(entries[0]["user"]?.stringValue == stage.name)
        }

        @Test func `a listener of every origin hears others, and not what it wrote itself`() async throws {
            let stage = try await OperationStage.make()
            _ = try await stage.put("thing-1", ["type": "thing"])
            // Of the office, too.
            let answer = try await stage.system.administrator.send("PUT", "\(stage.documents)/thing-2", [:])
            #expect(answer.status == 201)
            let echoes = try await stage.echoes(count: 2)
            try await stage.settle()
            #expect(try await stage.echoes(count: 2) == echoes)
            #expect(Set(echoes.compactMap { $0["of"]?.stringValue }) == ["thing-1", "thing-2"])
        }

        @Test func `a listener rests, goes on where it was, and goes back`() async throws {
            let stage = try await OperationStage.make()
            let before = try await stage.put("order-1", ["type": "order", "closed": true])
            _ = try await stage.entries("closed", count: 1)
            try await stage.settle()
            let paused = try await stage.act("listeners/closed/pause")
            #expect(paused["state"] == "paused" && paused["pausedBy"] == "admin")
            try await stage.untilNobodyListens("closed")
            try await stage.untilBehind("closed", 0)
            let after = try await stage.put("order-1", ["type": "order", "closed": true, "n": 2], after: before)
            // The other listener has seen the change.
            _ = try await stage.echoes(count: 1)
            try await stage.settle()
            #expect(try await stage.entries("closed", count: 1).count == 1)
            try await stage.untilBehind("closed", 2)
            let resumed = try await stage.act("listeners/closed/resume")
            #expect(resumed["state"] == "listening")
            let entries = try await stage.entries("closed", count: 2)
            #expect(entries.compactMap { $0["doc"]?["_rev"]?.stringValue } == [before, after])
            try await stage.settle()
            let rewound = try await stage.act("listeners/closed/rewind", ["to": "beginning"])
            #expect(rewound["end"]?.intValue ?? 0 >= 2)
            let again = try await stage.entries("closed", count: 4)
            #expect(again.suffix(2).compactMap { $0["doc"]?["_rev"]?.stringValue } == [before, after])
            #expect(try await stage.post("listeners/closed/rewind", ["to": "yesterday"]).status == 400)
            #expect(try await stage.post("listeners/none/pause").status == 404)
            // A listener whose database was deleted is shown all the same, and has come nowhere.
            #expect(try await stage.system.administrator.send("DELETE", stage.documents).status == 200)
            let listeners = try await stage.get("listeners")["listeners"]?.arrayValue ?? []
            #expect(listeners.compactMap { $0["name"]?.stringValue } == ["closed", "echo", "poison"])
            #expect(listeners.allSatisfy { $0["end"] == .null && $0["behind"] == .null && $0["waiting"] != nil })
        }

        @Test func `a change that fails for good holds those behind it until somebody cancels it`() async throws {
            let stage = try await OperationStage.make()
            let first = try await stage.put("poison-1", ["type": "poison", "bad": true])
            _ = try await stage.put("poison-1", ["type": "poison"], after: first)
            func runs(_ state: String) async throws -> [JSONValue] {
                try await stage.system.runs(state).filter { $0["project"]?.stringValue == stage.name }
            }
            try await eventually("the first change is set aside") { try await runs("failed").count == 1 }
            try await eventually("the second change waits behind it") { try await runs("waiting").count == 1 }
            let listener = try await stage.get("listeners/poison")
            #expect(listener["failed"] == 1 && listener["waiting"] == 1)
            let id = try #require(try await runs("failed").first?["id"]?.stringValue)
            let answer = try await stage.system.administrator.send("POST", "/_fullsync/runs/\(id)/cancel", [:])
            #expect(answer.status == 202)
            #expect(try await stage.entries("poison", count: 1).count == 1)
            #expect(
                try await stage.system.administrator.send("POST", "/_fullsync/runs/\(id)/cancel", [:]).status == 412
            )
            #expect(
                try await stage.system.administrator.send("POST", "/_fullsync/runs/\(id)/resolve", [:]).status == 400
            )
        }

        @Test func `jobs show when they fire next, run by hand, alone and in groups, and rest`() async throws {
            let stage = try await OperationStage.make()
            let listed = try await stage.get("jobs")["jobs"]?.arrayValue ?? []
            #expect(listed.compactMap { $0["name"]?.stringValue } == ["bad", "both", "failing", "info", "night"])
            let night = try await stage.get("jobs/night")
            #expect(night["schedule"] == .string("cron 0 0 \(OperationStage.hour) * * * in UTC"))
            #expect(night["next"]?.arrayValue?.count == 10)
            #expect(night["history"] == [])
            for (job, count) in [("night", 1), ("both", 2)] {
                let answer = try await stage.post("jobs/\(job)/run")
                #expect(answer.status == 202)
                #expect(try await stage.entries("night", count: count).count == count)
                try await eventually("the run of \(job) is in its history") {
                    try await stage.get("jobs/\(job)")["history"]?.arrayValue?.first?["state"] == "succeeded"
                }
            }
            // A member that fails keeps nobody back, and the group says so.
            #expect(try await stage.post("jobs/failing/run").status == 202)
            _ = try await stage.entries("night", count: 3)
            try await eventually("the group has failed") {
                let last = try await stage.get("jobs/failing")["history"]?.arrayValue?.first
                return last?["state"] == "failed" && last?["error"]?["message"] == "Of the group failed: bad"
            }
            let paused = try await stage.act("jobs/night/pause")
            #expect(paused["state"] == "paused" && paused["next"] == [])
            #expect(try await stage.act("jobs/night/resume")["next"]?.arrayValue?.count == 10)
        }
    }
}

/// A project of one test, with a user who writes.
struct OperationStage {
    let system: RunningSystem
    /// Of the project, its user and its databases.
    let name: String
    let user: Client

    var documents: String { "/\(name)" }
    private var ledger: String { "/\(name)-ledger" }

    static func make() async throws -> OperationStage {
        let system = try await RunningSystem.shared
        let name = "op\(UInt32.random(in: 0 ... .max))"
        let put = try await system.administrator.send(
            "PUT",
            "/_fullsync/users/\(name)",
            ["password": "secret", "groups": []]
        )
        try #require(put.status == 201, "\(put.json)")
        let files = JSONObject(files(name).map { ($0.0, .string($0.1)) })
        let deployed = try await system.administrator.send(
            "PUT",
            "/_fullsync/projects/\(name)",
            ["files": .object(files)]
        )
        try #require(deployed.status == 200, "\(deployed.json)")
        let user = try await Client(system.http).login(name, "secret")
        return OperationStage(system: system, name: name, user: user)
    }

    /// When jobs fire, of the day in UTC: twelve hours away from the tests.
    static let hour = (Int(Date().timeIntervalSince1970) / 3_600 + 12) % 24

    private static func files(_ name: String) -> [(String, String)] {
        func entry(_ kind: String, _ document: String) -> String {
            "{document: {kind: \(kind), doc: \(document), user: =user}, owner: anonymous}"
        }
        let variables = "variables: {doc: {type: object, multi: true}}\n"
        func note(_ kind: String) -> String {
            """
            \(variables)steps:
              - forEach: doc
                item: change
                do:
                  - if: change.bad === true
                    then: [{fail: {code: script, message: Poison.}}]
                  - callTransaction: ledger.postDocument
                    with: \(entry(kind, "=change"))
            """
        }
        return [
            ("project.yaml", "project: \(name)\n"),
            ("databases/\(name)/database.yaml", "description: Documents.\n"),
            ("databases/\(name)-ledger/database.yaml", "description: What happened.\n"),
            ("connectors/docs.yaml", "type: fullsync\ndatabase: \(name)\n"),
            ("connectors/ledger.yaml", "type: fullsync\ndatabase: \(name)-ledger\n"),
            ("sequences/closed.yaml", note("closed")), ("sequences/poison.yaml", note("poison")),
            (
                "listeners/closed.yaml",
                "database: \(name)\nselector: {type: order, closed: true}\non: [update, delete]\nsequence: closed\n"
            ),
            ("listeners/poison.yaml", "database: \(name)\nselector: {type: poison}\nchunk: 1\nsequence: poison\n"),
            (
                "sequences/echo.yaml",
                """
                \(variables)steps:
                  - forEach: doc
                    item: change
                    do:
                      - callTransaction: docs.postDocument
                        with: {document: {type: echo, of: =change._id}, owner: anonymous}
                """
            ),
            ("listeners/echo.yaml", "database: \(name)\nall: true\norigin: any\nsequence: echo\n"),
            (
                "sequences/night.yaml",
                "steps:\n  - callTransaction: ledger.postDocument\n    with: \(entry("night", "1"))\n"
            ),
            ("sequences/broken.yaml", "steps:\n  - fail: {code: script, message: Broken.}\n"),
            ("jobs/night.yaml", "sequence: night\nschedule: {cron: 0 0 \(hour) * * *}\n"),
            ("jobs/info.yaml", "transaction: ledger.databaseInfo\nschedule: {cron: 0 0 \(hour) * * *}\n"),
            ("jobs/both.yaml", "group: [info, night]\nmode: parallel\nschedule: {cron: 0 0 \(hour) * * *}\n"),
            ("jobs/bad.yaml", "sequence: broken\nschedule: {cron: 0 0 \(hour) * * *}\n"),
            ("jobs/failing.yaml", "group: [bad, night]\nschedule: {cron: 0 0 \(hour) * * *}\n"),
        ]
    }

    // MARK: - Documents

    /// Writes a document as the user's device does.
    func put(_ id: String, _ members: JSONObject, after: String? = nil) async throws -> String {
        var document = members
        if let after { document["_rev"] = .string(after) }
        let answer = try await user.send("PUT", "\(documents)/\(id)", .object(document))
        return try #require(answer.json["rev"]?.stringValue, "\(answer.json)")
    }

    /// What is in the ledger of that kind, in order, once there are so many.
    func entries(_ kind: String, count: Int) async throws -> [JSONValue] {
        try await changes(of: ledger, count: count) { $0["kind"]?.stringValue == kind }
    }

    /// The documents that the listener of all origins has written.
    func echoes(count: Int) async throws -> [JSONValue] {
        try await changes(of: documents, count: count) { $0["type"] == "echo" }
    }

    private func changes(
        of database: String,
        count: Int,
        where isMeant: (JSONValue) -> Bool
    ) async throws -> [JSONValue] {
        var found: [JSONValue] = []
        try await eventually("\(count) documents in \(database): \(found)") {
            let answer = try await system.administrator.get("\(database)/_changes?include_docs=true").json
            found = (answer["results"]?.arrayValue ?? []).compactMap { $0["doc"] }.filter(isMeant)
            return found.count >= count
        }
        return found
    }

    /// Waits until no run of the project is left to do, and its listeners have seen everything.
    func settle() async throws {
        try await eventually("the project's listeners have come to their ends") {
            let listeners = try await get("listeners")["listeners"]?.arrayValue ?? []
            return listeners.allSatisfy { listener in
                listener["waiting"] == 0 && listener["running"] == 0
                    && (listener["state"] == "paused" || listener["behind"] == 0)
            }
        }
    }

    /// Waits until the listener's lease has ended.
    func untilNobodyListens(_ listener: String) async throws {
        try await eventually("nobody listens") {
            try await CommandFailure.check(
                "/usr/bin/psql",
                [
                    "--no-psqlrc", "--tuples-only", "--no-align", "--dbname=\(system.postgres)",
                    "--command=SELECT until < now() FROM leases WHERE name = 'listener/\(name)/\(listener)@\(name)'",
                ]
            ) == ["t"]
        }
    }

    /// Waits until the change listener's metrics say how far the listener is behind.
    func untilBehind(_ listener: String, _ count: Int) async throws {
        let line = "fullsync_changes_behind{database=\"\(name)\",follower=\"listener/\(name)/\(listener)\"} \(count)"
        try await eventually("the metrics have \(line)") {
            try await system.metrics(of: "change-listener").contains { $0 == line || $0 == "\(line).0" }
        }
    }

    // MARK: - Operating

    func get(_ path: String) async throws -> JSONValue {
        try await system.administrator.get("/_fullsync/projects/\(name)/\(path)").json
    }

    func post(_ path: String, _ body: JSONValue = [:]) async throws -> Client.Answer {
        try await system.administrator.send("POST", "/_fullsync/projects/\(name)/\(path)", body)
    }

    /// Does something and gives what then is.
    func act(_ path: String, _ body: JSONValue = [:]) async throws -> JSONValue {
        let answer = try await post(path, body)
        #expect(answer.status == 200, "\(answer.json)")
        return answer.json
    }
}
