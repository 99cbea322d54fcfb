import JSON
import NIOHTTP1
import Testing

extension SystemTests {
    /// One document over HTTP, in all its forms: what CouchDB 3.5 answers.
    @Suite(.timeLimit(.minutes(30))) struct DocumentTests {
        /// A document with a winner, a conflict, a deleted branch, and an ancestor that never had a body.
        private func conflict() async throws -> Stage {
            let stage = try await Stage.make("documents")
            try await stage.graft("d", ["2-bb", "1-aa"], ["n": 2])
            try await stage.graft("d", ["2-aa", "1-aa"], ["n": 1])
            try await stage.graft("d", ["2-cc", "1-aa"], ["_deleted": true])
            return stage
        }

        @Test func `what is told beside a document`() async throws {
            let stage = try await conflict()
            func get(_ query: String) async throws -> JSONValue {
                try await stage.administrator.get("\(stage.path)/d?\(query)").json
            }
            #expect(try await get("") == ["_id": "d", "_rev": "2-bb", "n": 2])
            #expect(try await get("conflicts=true")["_conflicts"] == ["2-aa"])
            #expect(try await get("deleted_conflicts=true")["_deleted_conflicts"] == ["2-cc"])
            #expect(try await get("revs=true")["_revisions"] == ["start": 2, "ids": ["bb", "aa"]])
            let info: JSONValue = [["rev": "2-bb", "status": "available"], ["rev": "1-aa", "status": "missing"]]
            #expect(try await get("revs_info=true")["_revs_info"] == info)
            let meta = try await get("meta=true")
            #expect(
                meta["_revs_info"] == info && meta["_conflicts"] == ["2-aa"] && meta["_deleted_conflicts"] == ["2-cc"]
            )
            #expect(try await get("local_seq=true")["_local_seq"] == 3)
            #expect(try await get("rev=2-aa")["n"] == 1)
            #expect(try await get("rev=2-cc")["_deleted"] == true)
            // As in CouchDB, `latest` opens the winner, and a flag that is not `true` is none.
            #expect(try await get("rev=1-aa&latest=true")["_rev"] == "2-bb")
            #expect(try await get("revs=yes&conflicts=1") == ["_id": "d", "_rev": "2-bb", "n": 2])
        }

        @Test func `several revisions at once`() async throws {
            let stage = try await conflict()
            func get(_ query: String) async throws -> [String] {
                let answer = try await stage.administrator.send(
                    "GET",
                    "\(stage.path)/d?\(query)",
                    text: nil,
                    headers: [("Accept", "application/json")]
                )
                return (answer.json.arrayValue ?? []).map {
                    $0["ok"]?["_rev"]?.stringValue ?? "no \($0["missing"]?.stringValue ?? "\($0)")"
                }
            }
            #expect(try await get("open_revs=all") == ["2-bb", "2-aa", "2-cc"])
            #expect(try await get("open_revs=%5B%222-aa%22,%221-aa%22,%229-x%22%5D") == ["2-aa", "no 1-aa", "no 9-x"])
            #expect(try await get("open_revs=%5B%221-aa%22%5D&latest=true") == ["2-bb", "2-aa", "2-cc"])
            try await stage.expect(stage.administrator, "GET", "/none?open_revs=all", 404, "not_found", "missing")
            try await stage.expect(stage.administrator, "GET", "/none?open_revs=%5B%221-a%22%5D", 200)
        }

        @Test func `a tag names the revision, and spares its transfer`() async throws {
            let stage = try await conflict()
            for method in ["GET", "HEAD"] {
                let answer = try await stage.administrator.send(method, "\(stage.path)/d", text: nil)
                #expect(answer.headers["etag"] == ["\"2-bb\""])
                for tag in ["\"2-bb\"", "W/\"2-bb\"", "\"1-x\", \"2-bb\""] {
                    try await stage.expect(
                        stage.administrator,
                        method,
                        "/d",
                        headers: [("If-None-Match", tag)],
                        304
                    )
                }
                try await stage.expect(stage.administrator, method, "/d", headers: [("If-None-Match", "\"2-aa\"")], 200)
            }
            // What is told beside the document is no part of the revision.
            for query in ["conflicts=true", "revs_info=true", "local_seq=true"] {
                #expect(try await stage.administrator.get("\(stage.path)/d?\(query)").headers["etag"].isEmpty)
            }
            #expect(try await stage.administrator.get("\(stage.path)/d?revs=true").headers["etag"] == ["\"2-bb\""])
        }

        @Test func `what cannot be read says why`() async throws {
            let stage = try await conflict()
            let gone = try await stage.put("gone")
            try await stage.expect(stage.administrator, "DELETE", "/gone?rev=\(gone)", 200)
            let invalid = "Invalid rev format"
            for (resource, status, error, reason) in [
                ("/none", 404, "not_found", "missing"), ("/gone", 404, "not_found", "deleted"),
                ("/d?rev=1-aa", 404, "not_found", "missing"), ("/d?rev=7-x", 404, "not_found", "missing"),
                ("/d?rev=x", 400, "bad_request", invalid), ("/d?rev=-1-x", 400, "bad_request", invalid),
                ("/d?rev=", 400, "bad_request", invalid), ("/d?open_revs=%5B1%5D", 400, "bad_request", invalid),
                ("/d?open_revs=%7B%7D", 400, "bad_request", "Invalid list of revisions"),
                ("/d?open_revs=x", 400, "bad_request", nil),
                ("/_none", 404, "not_found", nil),
            ] as [(String, Int, String, String?)] {
                try await stage.expect(stage.administrator, "GET", resource, status, error, reason)
            }
            #expect(try await stage.administrator.get("\(stage.path)/gone?deleted=true").json["_deleted"] == true)
            #expect(try await stage.administrator.get("\(stage.path)/gone?rev=\(gone)").status == 200)
        }

        @Test func `writes are taken or refused with CouchDB's words`() async throws {
            let stage = try await Stage.make("documents")
            let admin = stage.administrator
            let first = try await stage.put("d", ["n": 1])
            let other = "1-00000000000000000000000000000000"
            let differ = "Document rev from request body and query string have different values"
            let elsewhere = "When `new_edits: false`, the document needs `_rev` or `_revisions` specified"
            for (method, resource, body, status, error, reason) in [
                ("PUT", "/d", "{}", 409, "conflict", "Document update conflict."),
                ("PUT", "/d?rev=\(other)", "{}", 409, "conflict", nil),
                ("PUT", "/new", #"{"_rev":"\#(other)"}"#, 409, "conflict", nil),
                ("PUT", "/d?rev=\(other)", #"{"_rev":"\#(first)"}"#, 400, "bad_request", differ),
                ("PUT", "/d", #"{"_rev":"x"}"#, 400, "bad_request", "Invalid rev format"),
                ("PUT", "/d", #"{"_rev":1}"#, 400, "bad_request", "Invalid rev format"),
                ("PUT", "/d", "[]", 400, "bad_request", "Document must be a JSON object"),
                ("PUT", "/d", "{", 400, "bad_request", nil), ("PUT", "/d", nil, 400, "bad_request", nil),
                ("PUT", "/d", #"{"_x":1}"#, 400, "doc_validation", "Bad special document member: _x"),
                ("PUT", "/_x", "{}", 400, "illegal_docid", "Only reserved document ids may start with underscore."),
                ("GET", "/_x", nil, 404, "not_found", "missing"), ("DELETE", "/_x", nil, 404, "not_found", "missing"),
                ("GET", "/_local", nil, 400, "bad_request", "Invalid _local document id."),
                ("PUT", "/_local%2F", "{}", 400, "bad_request", "Invalid _local document id."),
                ("GET", "/_local/x/y", nil, 400, "bad_request", "_local documents do not accept attachments."),
                ("PUT", "/d?new_edits=false", "{}", 400, "bad_request", elsewhere),
                ("DELETE", "/none", nil, 404, "not_found", "missing"), ("DELETE", "/d", nil, 409, "conflict", nil),
                ("DELETE", "/d?rev=x", nil, 400, "bad_request", "Invalid rev format"),
                ("DELETE", "/d?rev=\(other)", nil, 409, "conflict", nil),
                ("PATCH", "/d", "{}", 405, "method_not_allowed", "Only DELETE,GET,HEAD,POST,PUT,COPY allowed"),
            ] as [(String, String, String?, Int, String, String?)] {
                try await stage.expect(admin, method, resource, body, status, error, reason)
            }
            try await stage.expect(admin, "PUT", "/d", "{}", headers: [("If-Match", "\"\(other)\"")], 409, "conflict")
            try await stage.expect(
                admin,
                "PUT",
                "/d?rev=\(first)",
                "{}",
                headers: [("If-Match", "\"\(other)\"")],
                400,
                "bad_request",
                "Document rev and etag have different values"
            )
            // The address names the document, whatever the body says.
            let second = try await admin.send("PUT", "\(stage.path)/d?rev=\(first)", text: #"{"_id":"e","n":2}"#)
            #expect(second.status == 201 && second.json["id"] == "d")
            #expect(second.headers["location"] == ["\(admin.base)\(stage.path)/d"])
            let rev = try #require(second.json["rev"]?.stringValue)
            #expect(second.headers["etag"] == ["\"\(rev)\""])
            #expect(try await admin.get("\(stage.path)/e").status == 404)
            // Deleted, and back again without a revision.
            let deleted = try await admin.send("DELETE", "\(stage.path)/d", text: nil, headers: [("If-Match", rev)])
            #expect(deleted.status == 200 && deleted.json["rev"]?.stringValue?.hasPrefix("3-") == true)
            try await stage.expect(admin, "DELETE", "/d?rev=\(rev)", 404, "not_found", "deleted")
            let back = try await admin.send("PUT", "\(stage.path)/d", text: "{}")
            #expect(back.status == 201 && back.json["rev"]?.stringValue?.hasPrefix("4-") == true)
            let batch = try await admin.send("PUT", "\(stage.path)/batch?batch=ok", text: #"{"n":1}"#)
            #expect(batch.status == 202 && batch.json == ["ok": true, "id": "batch"])
            #expect(try await admin.get("\(stage.path)/batch").json["n"] == 1)
            // Whoever deletes is told what became of it, as in CouchDB.
            try await stage.put("theirs", ["~owner": .string(stage.cast.stranger)])
            try await stage.put("public")
            let refused = try await stage.user.send("DELETE", "\(stage.path)/public?batch=ok")
            #expect(refused.status == 403)
            let last = try #require(try await admin.get("\(stage.path)/batch").json["_rev"]?.stringValue)
            let ended = try await admin.send("DELETE", "\(stage.path)/batch?rev=\(last)&batch=ok")
            #expect(ended.status == 200 && ended.json["rev"]?.stringValue?.hasPrefix("2-") == true)
        }

        @Test func `a document is posted to the database`() async throws {
            let stage = try await Stage.make("documents")
            let made = try await stage.administrator.send("POST", stage.path, ["n": 1])
            let id = try #require(made.json["id"]?.stringValue)
            #expect(made.status == 201 && id.count == 32)
            #expect(made.headers["location"] == ["\(stage.administrator.base)\(stage.path)/\(id)"])
            #expect(try await stage.administrator.get("\(stage.path)/\(id)").json["n"] == 1)
            try await stage.expect(stage.administrator, "POST", "", #"{"_id":"d"}"#, 201)
            try await stage.expect(stage.administrator, "POST", "", #"{"_id":"d"}"#, 409, "conflict")
            try await stage.expect(stage.administrator, "POST", "", #"{"_id":"_d"}"#, 400, "illegal_docid")
            try await stage.expect(stage.administrator, "POST", "", #"{"_id":""}"#, 400, "illegal_docid")
            let plain = try await stage.administrator.send("POST", stage.path, text: "{}", contentType: "text/plain")
            #expect(plain.status == 415 && plain.error == "bad_content_type")
            try await stage.expect(stage.anonymous, "POST", "", "{}", 401, "unauthorized")
        }

        @Test func `a document is copied`() async throws {
            let stage = try await Stage.make("documents")
            let admin = stage.administrator
            let first = try await stage.put("d", ["n": 1])
            try await stage.put("d", ["n": 2], after: first)
            func copy(_ resource: String, to destination: String) async throws -> Client.Answer {
                try await admin.send(
                    "COPY",
                    stage.path + resource,
                    text: nil,
                    headers: [("Destination", destination)]
                )
            }
            let copied = try await copy("/d", to: "e%2F1")
            #expect(copied.status == 201 && copied.json["id"] == "e/1")
            #expect(try await admin.get("\(stage.path)/e%2F1").json["n"] == 2)
            #expect(try await copy("/d", to: "e%2F1").error == "conflict")
            let rev = try #require(copied.json["rev"]?.stringValue)
            #expect(try await copy("/d?rev=\(first)", to: "e%2F1?rev=\(rev)").status == 201)
            #expect(try await admin.get("\(stage.path)/e%2F1").json["n"] == 1)
            #expect(try await copy("/none", to: "x").reason == "missing")
            #expect(try await copy("/d", to: "http://x/y").reason == "Destination URL must be relative.")
            try await stage.expect(
                admin,
                "COPY",
                "/d",
                400,
                "bad_request",
                "Destination header is mandatory for COPY."
            )
        }
    }
}
