import CouchProtocol
import JSON
import NIOHTTP1
import Testing

extension SystemTests {
    /// Contract, section 2.3: who reads and writes what, compared with what the administrator sees.
    @Suite(.timeLimit(.minutes(30))) struct VisibilityTests {
        private let database = "/fieldservice"

        @Test func `each technician gets what the tags say, in the feed and in the list`() async throws {
            let system = try await RunningSystem.shared
            let cast = try await Cast.of(system)
            try await system.settle()
            let all = try await system.administrator.get("\(database)/_all_docs?include_docs=true").json["rows"]?
                .arrayValue
            let documents = try #require(all).compactMap { $0["doc"] }
            #expect(documents.count > 14_000)
            for (name, team) in [(cast.first, cast.team), (cast.stranger, cast.otherTeam)] {
                let expected = Set(documents.filter { isFor(name, team, $0) }.compactMap { $0["_id"]?.stringValue })
                let session = try await system.login(name)
                let feed = try await session.get("\(database)/_changes").json
                let rows = feed["results"]?.arrayValue ?? []
                #expect(Set(rows.compactMap { $0["id"]?.stringValue }) == expected)
                #expect(rows.count == expected.count)
                let list = try await session.get("\(database)/_all_docs").json["rows"]?.arrayValue ?? []
                #expect(
                    list.compactMap { $0["id"]?.stringValue }
                        == expected.sorted { $0.utf8.lexicographicallyPrecedes($1.utf8) }
                )
                let end = try await system.administrator.get("\(database)/_changes?since=now").json["last_seq"]
                #expect(feed["last_seq"] == end)
                let rest = try await session.get("\(database)/_changes?since=\(end?.stringValue ?? "")").json
                #expect(rest["results"] == [])
                #expect(rest["last_seq"] == end)
            }
        }

        private func isFor(_ name: String, _ team: String, _ document: JSONValue) -> Bool {
            let owner = document["~owner"]?.stringValue
            let groups = document["~groups"]?.arrayValue?.compactMap(\.stringValue) ?? []
            return owner == nil && groups.isEmpty || owner == name || groups.contains(team)
        }

        @Test func `a document of others is answered like one that is not there`() async throws {
            let system = try await RunningSystem.shared
            let cast = try await Cast.of(system)
            let secret = try await foreignDocument(system, cast)
            let session = try await system.login(cast.first)
            // As long as the other's id, so that the answers may differ in nothing but the id.
            let none = uniqueID("foreign")
            let revision = secret.revision
            for path in [
                "\(database)/ID", "\(database)/ID?rev=\(revision)", "\(database)/ID?revs=true&conflicts=true",
                "\(database)/_all_docs?key=%22ID%22", "\(database)/_all_docs?keys=%5B%22ID%22%5D",
                "\(database)/_all_docs?keys=%5B%22ID%22%5D&include_docs=true",
            ] {
                try await same(session, "GET", path, nil, secret.id, none)
            }
            try await same(session, "HEAD", "\(database)/ID", nil, secret.id, none)
            try await same(session, "DELETE", "\(database)/ID?rev=\(revision)", nil, secret.id, none)
            for (path, body) in [
                ("_bulk_get", #"{"docs":[{"id":"ID"}]}"#),
                ("_bulk_get", #"{"docs":[{"id":"ID","rev":"\#(revision)"}]}"#),
                ("_bulk_get?revs=true", #"{"docs":[{"id":"ID","rev":"9-967a00dff5e02add41819138abb3284d"}]}"#),
                ("_revs_diff", #"{"ID":["\#(revision)","9-967a00dff5e02add41819138abb3284d"]}"#),
                ("_all_docs", #"{"keys":["ID"]}"#),
            ] {
                try await same(session, "POST", "\(database)/\(path)", body, secret.id, none)
            }
            let feed = try await session.get("\(database)/_changes?include_docs=true&style=all_docs")
            #expect(!String(decoding: feed.bytes, as: UTF8.self).contains(secret.id))
            #expect(
                try await system.administrator.get("\(database)/\(secret.id)").json["_rev"]?.stringValue == revision
            )
        }

        private func same(
            _ client: Client,
            _ method: String,
            _ path: String,
            _ body: String?,
            _ id: String,
            _ none: String
        ) async throws {
            var answers: [String] = []
            for name in [id, none] {
                let answer = try await client.send(
                    method,
                    path.replacing("ID", with: name),
                    text: body?.replacing("ID", with: name)
                )
                // An answer that is long in coming has line ends as signs of life.
                let text = String(decoding: answer.bytes, as: UTF8.self).replacing(name, with: "ID")
                    .replacing("\n", with: "")
                let etag = answer.headers.first(name: "etag") ?? "no tag"
                answers.append("\(answer.status) \(etag) \(text)")
            }
            #expect(answers[0] == answers[1], "\(method) \(path) \(body ?? "")")
        }

        @Test(arguments: [true, false])
        func `what a user may not write is refused alone`(isReplicated: Bool) async throws {
            let system = try await RunningSystem.shared
            let cast = try await Cast.of(system)
            let session = try await system.login(cast.first)
            let secret = try await foreignDocument(system, cast)
            let ids = (good: uniqueID("good"), group: uniqueID("group"), design: "_design/\(uniqueID("design"))")
            let part = try await system.administrator.get("\(database)/_all_docs?startkey=%22part%3A%22&limit=1").json
            let row = try #require(part["rows"]?.arrayValue?.first)
            let (publicID, publicRevision) = try (#require(row["id"]), #require(row["value"]?["rev"]?.stringValue))
            let first = "1-967a00dff5e02add41819138abb3284d"
            func document(_ id: JSONValue, after parent: String?, _ members: JSONObject = [:]) -> JSONValue {
                var document: JSONObject = ["_id": id, "n": 1]
                if isReplicated {
                    let hashes = ["aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"] + (parent.map { [String($0.dropFirst(2))] } ?? [])
                    document["_rev"] = .string("\(hashes.count)-\(hashes[0])")
                    document["_revisions"] = [
                        "start": .number(JSONNumber(hashes.count)), "ids": .array(hashes.map(JSONValue.string)),
                    ]
                } else if let parent {
                    document["_rev"] = .string(parent)
                }
                return .object(document.merging(members))
            }
            let body: JSONValue = [
                "new_edits": .bool(!isReplicated),
                "docs": [
                    document(.string(ids.group), after: nil, ["~groups": [.string(cast.otherTeam)]]),
                    document(.string(ids.design), after: nil),
                    document(.string(secret.id), after: secret.revision),
                    document(.string(secret.id), after: first),
                    document(publicID, after: publicRevision),
                    document(
                        .string(ids.good),
                        after: nil,
                        ["~owner": .string(cast.stranger), "~groups": [.string(cast.team)]]
                    ),
                ],
            ]
            let answer = try await session.send("POST", "\(database)/_bulk_docs", body)
            #expect(answer.status == 201)
            let refused = (answer.json.arrayValue ?? []).filter { $0["error"] != nil }
            #expect(refused.map { $0["error"] } == Array(repeating: "forbidden", count: 5), "\(answer.json)")
            #expect(
                refused.map { $0["id"] }
                    == [.string(ids.group), .string(ids.design), .string(secret.id), .string(secret.id), publicID]
            )
            // One reason for all, so that it tells nothing.
            #expect(Set(refused.map { $0["reason"] }).count == 1)
            let good = try await system.administrator.get("\(database)/\(ids.good)").json
            #expect(good["~owner"]?.stringValue == cast.first)
            #expect(good["~groups"] == [.string(cast.team)])
            for id in [ids.group, ids.design] {
                #expect(try await system.administrator.get("\(database)/\(id)").status == 404)
            }
            let kept = try await system.administrator.get("\(database)/\(secret.id)?conflicts=true").json
            #expect(kept["_rev"]?.stringValue == secret.revision)
            #expect(kept["_conflicts"] == nil)
        }

        @Test func `a user's local documents are the user's own`() async throws {
            let system = try await RunningSystem.shared
            let cast = try await Cast.of(system)
            let path = "\(database)/_local/\(uniqueID("checkpoint"))"
            let (one, other) = try await (system.login(cast.first), system.login(cast.colleague))
            let written = try await one.send("PUT", path, ["n": 1])
            #expect(written.status == 201)
            #expect(written.json["rev"] == "0-1")
            #expect(try await other.get(path).status == 404)
            #expect(try await other.send("PUT", path, ["n": 2]).status == 201)
            #expect(try await one.get(path).json["n"] == 1)
            #expect(try await system.administrator.get(path).status == 404)
            #expect(try await one.send("DELETE", path).status == 200)
            #expect(try await one.get(path).status == 404)
            #expect(try await other.get(path).json["n"] == 2)
        }

        /// A new document of the stranger.
        private func foreignDocument(
            _ system: RunningSystem,
            _ cast: Cast
        ) async throws -> (id: String, revision: String) {
            let id = uniqueID("foreign")
            let written = try await system.administrator.send(
                "PUT",
                "\(database)/\(id)",
                ["~owner": .string(cast.stranger), "~groups": [.string(cast.otherTeam)]]
            )
            return (id, try #require(written.json["rev"]?.stringValue, "\(written.json)"))
        }
    }
}
