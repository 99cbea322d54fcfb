import JSON
import NIOHTTP1
import Testing

extension SystemTests {
    /// `_local` documents: what CouchDB 3.5 answers, for each user alone.
    @Suite(.timeLimit(.minutes(30))) struct LocalDocumentTests {
        @Test func `the last writer wins, and revisions count on from what the writer names`() async throws {
            let stage = try await Stage.make("local")
            let path = "\(stage.path)/_local/c"
            try await stage.expect(stage.user, "GET", "/_local/c", 404, "not_found", "missing")
            let written = try await stage.user.send("PUT", path, ["n": 1, "~owner": "x", "_id": "_local/other"])
            #expect(written.status == 201)
            #expect(written.json == ["ok": true, "id": "_local/c", "rev": "0-1"])
            #expect(try await stage.user.get(path).json == ["_id": "_local/c", "_rev": "0-1", "n": 1, "~owner": "x"])
            #expect(try await stage.user.send("PUT", path, ["_rev": "0-1", "n": 2]).json["rev"] == "0-2")
            #expect(try await stage.user.send("PUT", path, ["_rev": "0-7", "n": 3]).json["rev"] == "0-8")
            #expect(try await stage.user.send("PUT", path, ["n": 4]).json["rev"] == "0-1")
            try await stage.expect(
                stage.user,
                "PUT",
                "/_local/c",
                #"{"_rev":"1-x"}"#,
                400,
                "bad_request",
                "Invalid rev format"
            )
            try await stage.expect(
                stage.user,
                "PUT",
                "/_local/c",
                "[]",
                400,
                "bad_request",
                "Document must be a JSON object"
            )
            let deleted = try await stage.user.send("DELETE", path)
            #expect(deleted.status == 200 && deleted.json == ["ok": true, "id": "_local/c", "rev": "0-0"])
            try await stage.expect(stage.user, "DELETE", "/_local/c", 404, "not_found", "missing")
            #expect(try await stage.user.get("\(stage.path)").json["update_seq"]?.stringValue?.hasPrefix("0-") == true)
        }

        @Test func `COPY makes another local document of the caller's, and nobody else's`() async throws {
            let stage = try await Stage.make("local")
            _ = try await stage.user.send("PUT", "\(stage.path)/_local/a", ["n": 1])
            let to = { (name: String) in [("Destination", name)] }
            try await stage.expect(stage.user, "COPY", "/_local/a", headers: to("_local/b"), 201)
            let copy = try await stage.user.get("\(stage.path)/_local/b").json
            #expect(copy == ["_id": "_local/b", "_rev": "0-1", "n": 1])
            try await stage.expect(stage.user, "COPY", "/_local/a", headers: to("_local/b?rev=0-4"), 201)
            #expect(try await stage.user.get("\(stage.path)/_local/b").json["_rev"] == "0-5")
            try await stage.expect(stage.other, "COPY", "/_local/a", headers: to("_local/b"), 404, "not_found")
            try await stage.expect(stage.user, "COPY", "/_local/a", 400, "bad_request")
            let refused = try await stage.user.send("POST", "\(stage.path)/_local/a", [:])
            #expect(refused.status == 405)
            #expect(refused.headers.first(name: "allow") == "DELETE,GET,HEAD,PUT,COPY")
        }

        @Test func `local documents are written on every way, and become others by COPY`() async throws {
            let stage = try await Stage.make("local")
            let docs: JSONValue = [
                ["_id": "_local/x", "n": 1, "~owner": "me"], ["_id": "d"], ["_id": "_local/x", "_rev": "0-1"],
            ]
            let bulk = try await stage.user.send("POST", "\(stage.path)/_bulk_docs", ["docs": docs])
            #expect(bulk.status == 201)
            let rows = bulk.json.arrayValue ?? []
            #expect(rows.map { $0["id"] } == ["_local/x", "d", "_local/x"])
            #expect(rows.first == ["ok": true, "id": "_local/x", "rev": "0-1"] && rows.last?["rev"] == "0-2")
            #expect(try await stage.user.get("\(stage.path)/_local/x").json == ["_id": "_local/x", "_rev": "0-2"])
            let replicated = try await stage.user.send(
                "POST",
                "\(stage.path)/_bulk_docs",
                ["new_edits": false, "docs": [["_id": "_local/y", "_rev": "0-4", "n": 2, "~owner": "me"]]]
            )
            #expect(replicated.status == 201 && replicated.json == [])
            let posted = try await stage.user.send("POST", stage.path, ["_id": "_local/z", "n": 3])
            #expect(posted.status == 201 && posted.json == ["ok": true, "id": "_local/z", "rev": "0-1"])
            let to = { (name: String) in [("Destination", name)] }
            try await stage.expect(stage.user, "COPY", "/_local/y", headers: to("copy"), 201)
            let copy = try await stage.user.get("\(stage.path)/copy").json
            #expect(copy["n"] == 2 && copy["~owner"] == .string(stage.cast.first))
            try await stage.expect(stage.user, "COPY", "/copy", headers: to("_local/back?rev=0-7"), 201)
            let back = try await stage.user.get("\(stage.path)/_local/back").json
            #expect(back == ["_id": "_local/back", "_rev": "0-8", "n": 2])
            try await stage.expect(stage.other, "COPY", "/_local/y", headers: to("stolen"), 404, "not_found")
            // Deleting by what is written is as good as by its method, and asks nobody whether it was there.
            let gone = try await stage.user.send("PUT", "\(stage.path)/_local/z", ["_deleted": true, "_rev": "0-1"])
            #expect(gone.status == 200 && gone.json == ["ok": true, "id": "_local/z", "rev": "0-0"])
            try await stage.expect(stage.user, "GET", "/_local/z", 404, "not_found", "missing")
            let row = try await stage.user.send(
                "POST",
                "\(stage.path)/_bulk_docs",
                ["docs": [["_id": "_local/z", "_deleted": true]]]
            )
            #expect(row.json == [["ok": true, "id": "_local/z", "rev": "0-0"]])
            let nobodys = #"{"docs":[{"_id":"_local/x"}]}"#
            try await stage.expect(stage.anonymous, "POST", "/_bulk_docs", nobodys, 401, "unauthorized")
        }

        @Test func `an administrator looks after the local documents of users, and nobody else does`() async throws {
            let stage = try await Stage.make("local")
            let (path, owner) = ("\(stage.path)/_local/c", "?owner=\(segment(stage.cast.first))")
            _ = try await stage.user.send("PUT", path, ["n": 1])
            #expect(try await stage.administrator.get(path).status == 404)
            #expect(try await stage.administrator.get(path + owner).json["n"] == 1)
            #expect(try await stage.user.get(path + owner).json["n"] == 1)
            for (method, body) in [("GET", nil), ("PUT", "{}"), ("DELETE", nil)] as [(String, String?)] {
                #expect(try await stage.other.send(method, path + owner, text: body).status == 403)
                #expect(try await stage.anonymous.send(method, path + owner, text: body).status == 401)
            }
            let changed = try await stage.administrator.send("PUT", path + owner, ["_rev": "0-1", "n": 2])
            #expect(changed.status == 201 && changed.json["rev"] == "0-2")
            #expect(try await stage.user.get(path).json["n"] == 2)
            #expect(try await stage.administrator.send("DELETE", path + owner).status == 200)
            #expect(try await stage.user.get(path).status == 404)
        }

        @Test func `a user lists the user's own, an administrator everybody's`() async throws {
            let stage = try await Stage.make("local")
            for (client, id) in [(stage.user, "b"), (stage.user, "a"), (stage.other, "c"), (stage.administrator, "d")] {
                _ = try await client.send("PUT", "\(stage.path)/_local/\(id)", ["n": .string(id)])
            }
            func ids(_ client: Client, _ query: String = "") async throws -> [JSONValue?] {
                let list = try await client.get("\(stage.path)/_local_docs\(query)").json
                #expect(list["total_rows"] == .null && list["offset"] == .null)
                return (list["rows"]?.arrayValue ?? []).map { $0["id"] ?? $0["error"] }
            }
            #expect(try await ids(stage.user) == ["_local/a", "_local/b"])
            #expect(try await ids(stage.user, "?descending=true&limit=1") == ["_local/b"])
            #expect(
                try await ids(stage.user, "?keys=%5B%22_local%2Fb%22,%22_local%2Fc%22%5D") == ["_local/b", "not_found"]
            )
            #expect(try await ids(stage.administrator) == ["_local/a", "_local/b", "_local/c", "_local/d"])
            let rows = try await stage.administrator.get("\(stage.path)/_local_docs?include_docs=true").json["rows"]
            #expect(rows?.arrayValue?.first?["value"]?["owner"]?.stringValue == stage.cast.first)
            #expect(rows?.arrayValue?.first?["doc"]?["n"] == "a")
        }

        /// What PouchDB does with a source that it may only read: it looks for its checkpoint, fails to write one, and
        /// goes on without.
        @Test func `a pull without credentials finds no checkpoint and may not write one`() async throws {
            let stage = try await Stage.make("local", settings: ["anonymous": "read"])
            try await stage.put("public")
            try await stage.put("theirs", ["~owner": .string(stage.cast.stranger)])
            try await stage.expect(stage.anonymous, "GET", "/_local/c", 404, "not_found", "missing")
            try await stage.expect(stage.anonymous, "PUT", "/_local/c", "{}", 401, "unauthorized")
            try await stage.expect(stage.anonymous, "GET", "/public", 200)
            try await stage.expect(stage.anonymous, "GET", "/theirs", 404, "not_found", "missing")
            try await stage.expect(stage.anonymous, "PUT", "/new", "{}", 401, "unauthorized")
            try await stage.expect(stage.anonymous, "DELETE", "/public", 401, "unauthorized")
            #expect(try await stage.anonymous.get(stage.path).json["doc_count"] == 1)
            #expect(try await stage.anonymous.get("\(stage.path)/_all_docs").json["total_rows"] == 1)
        }
    }
}
