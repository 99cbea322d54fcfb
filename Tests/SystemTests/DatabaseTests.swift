import JSON
import NIOHTTP1
import TestSupport
import Testing

extension SystemTests {
    /// Databases and what an administrator does with them: what CouchDB 3.5 answers, and to whom.
    @Suite struct DatabaseTests {
        @Test func `a database is made once, described, and deleted`() async throws {
            let admin = try await RunningSystem.shared.administrator
            let path = "/" + uniqueID("made")
            let made = try await admin.send("PUT", path)
            #expect(made.status == 201 && made.json == ["ok": true])
            #expect(made.headers["location"] == [admin.base + path])
            let again = try await admin.send("PUT", path)
            #expect(again.status == 412 && again.error == "file_exists")
            #expect(again.reason == "The database could not be created, the file already exists.")
            let info = try await admin.get(path).json
            #expect(
                Set(info.objectValue?.names ?? []) == [
                    "instance_start_time", "db_name", "purge_seq", "update_seq", "sizes", "props", "doc_del_count",
                    "doc_count", "disk_format_version", "compact_running", "cluster",
                ]
            )
            #expect(try await admin.send("HEAD", path).status == 200)
            #expect(try await admin.send("DELETE", "\(path)?rev=1-x").status == 400)
            #expect(try await admin.send("DELETE", path).json == ["ok": true])
            for method in ["GET", "DELETE"] {
                let answer = try await admin.send(method, path)
                #expect(answer.status == 404 && answer.reason == "Database does not exist.")
            }
            for (name, error) in [
                ("Upper", "illegal_database_name"), ("1x", "illegal_database_name"), ("a%20b", "illegal_database_name"),
                ("a" + String(repeating: "x", count: 238), "database_name_too_long"),
            ] {
                let answer = try await admin.send("PUT", "/\(name)")
                #expect(answer.status == 400 && answer.error == error, "\(answer.json)")
            }
            #expect(try await admin.send("PUT", "/a%2Fb+\(path.dropFirst())").status == 201)
            #expect(
                try await admin.get("/a%2Fb+\(path.dropFirst())").json["db_name"]?.stringValue?.hasPrefix("a/b+")
                    == true
            )
        }

        @Test func `a user's figures count what the user may read, and rest while others write`() async throws {
            let stage = try await Stage.make("figures")
            try await stage.put("public")
            try await stage.put("mine", ["~owner": .string(stage.cast.first)])
            let gone = try await stage.put("gone", ["~owner": .string(stage.cast.first)])
            try await stage.expect(stage.administrator, "DELETE", "/gone?rev=\(gone)", 200)
            let before = try await stage.user.get(stage.path).json
            #expect(before["doc_count"] == 2 && before["doc_del_count"] == 1)
            #expect(before["sizes"] == ["file": 0, "external": 0, "active": 0])
            for number in 0..<3 { try await stage.put("theirs\(number)", ["~owner": .string(stage.cast.stranger)]) }
            #expect(try await stage.user.get(stage.path).json == before)
            let all = try await stage.administrator.get(stage.path).json
            #expect(all["doc_count"] == 5)
            #expect(all["sizes"]?["external"]?.intValue ?? 0 > 0 && all["sizes"]?["file"]?.intValue ?? 0 > 0)
            #expect(try await stage.other.get(stage.path).json["doc_count"] == 4)
        }

        /// Who may call what; the words are CouchDB's.
        @Test func `what belongs to the administrator is refused to others`() async throws {
            let stage = try await Stage.make("maintained", settings: ["anonymous": "read"])
            for (method, resource, body) in [
                ("PUT", "/_security", "{}"), ("PUT", "/_revs_limit", "10"), ("POST", "/_purge", "{}"),
                ("GET", "/_purged_infos", nil), ("GET", "/_purged_infos_limit", nil),
                ("PUT", "/_purged_infos_limit", "9"),
                ("POST", "/_compact", "{}"), ("POST", "/_compact/x", "{}"), ("POST", "/_view_cleanup", "{}"),
                ("DELETE", "", nil), ("PUT", "", nil),
            ] as [(String, String, String?)] {
                let user = try await stage.user.send(method, stage.path + resource, text: body)
                #expect(
                    [401, 403].contains(user.status) && user.reason == "You are not a server admin.",
                    "\(resource)"
                )
                try await stage.expect(stage.anonymous, method, resource, body, 401, "unauthorized")
            }
            for path in [
                "/_all_dbs", "/_dbs_info", "/_active_tasks", "/_membership", "/_fullsync/databases\(stage.path)",
            ] {
                #expect([401, 403].contains(try await stage.user.get(path).status))
                #expect(try await stage.anonymous.get(path).status == 401)
                #expect(try await stage.administrator.get(path).status == 200)
            }
            let design = try await stage.user.send("PUT", "\(stage.path)/_design/x", [:])
            #expect(design.status == 403 && design.error == "forbidden")
        }

        @Test func `settings are read and changed`() async throws {
            let stage = try await Stage.make("settings")
            let path = "/_fullsync/databases\(stage.path)"
            let defaults: JSONObject = [
                "anonymous": "deny", "publicWrites": "deny", "ownerMember": "~owner", "groupsMember": "~groups",
                "revisionLimit": 20,
            ]
            #expect(try await stage.administrator.get(path).json == .object(defaults))
            try await stage.put("public")
            try await stage.expect(stage.user, "PUT", "/public", "{}", 403, "forbidden")
            let changed: JSONObject = [
                "publicWrites": "allow", "anonymous": "read", "ownerMember": "owner", "revisionLimit": 5,
            ]
            #expect(try await stage.administrator.send("PUT", path, .object(changed)).json == ["ok": true])
            #expect(try await stage.administrator.get(path).json == .object(defaults.merging(changed)))
            try await stage.expect(stage.anonymous, "GET", "/public", 200)
            try await stage.put("mine", ["owner": .string(stage.cast.first)])
            #expect(try await stage.user.get("\(stage.path)/mine").json["owner"]?.stringValue == stage.cast.first)
            for body in [
                #"{"anonymous":"write"}"#, #"{"anonymous":true}"#, #"{"publicWrites":"yes"}"#, #"{"ownerMember":1}"#,
                #"{"ownerMember":"_id"}"#, #"{"ownerMember":"~groups"}"#, #"{"revisionLimit":0}"#,
                #"{"revisionLimit":1.5}"#, #"{"other":1}"#, "[]", "x",
            ] {
                let answer = try await stage.administrator.send("PUT", path, text: body)
                #expect(answer.status == 400, "\(body)")
            }
            #expect(try await stage.administrator.get(path).json == .object(defaults.merging(changed)))
            #expect(try await stage.administrator.get("/_fullsync/databases/none").status == 404)
        }

        @Test func `what an administrator keeps with a database`() async throws {
            let stage = try await Stage.make("kept")
            let admin = stage.administrator
            #expect(
                try await admin.get("\(stage.path)/_security").json == [
                    "members": ["roles": ["_admin"]], "admins": ["roles": ["_admin"]],
                ]
            )
            let security: JSONValue = ["admins": ["names": ["ann"], "roles": []], "members": [:], "own": 1]
            #expect(try await admin.send("PUT", "\(stage.path)/_security", security).json == ["ok": true])
            #expect(try await admin.get("\(stage.path)/_security").json == security)
            try await stage.expect(admin, "PUT", "/_security", "[]", 400, "bad_request")
            try await stage.expect(admin, "PUT", "/_security", #"{"admins":{"names":[1]}}"#, 400, "bad_request")
            #expect(try await admin.get("\(stage.path)/_revs_limit").json == 20)
            #expect(try await admin.send("PUT", "\(stage.path)/_revs_limit", 3).json == ["ok": true])
            #expect(try await admin.get("\(stage.path)/_revs_limit").json == 3)
            for body in ["0", "-1", "\"x\"", "1.5"] {
                try await stage.expect(admin, "PUT", "/_revs_limit", body, 400, "bad_request")
            }
            #expect(try await admin.get("\(stage.path)/_purged_infos_limit").json == 1_000)
            try await stage.expect(
                admin,
                "PUT",
                "/_purged_infos_limit",
                "0",
                400,
                "bad_request",
                "`purged_infos_limit` must be positive integer"
            )
            let full = try await admin.send("POST", "\(stage.path)/_ensure_full_commit", [:])
            #expect(
                full.status == 201 && full.json["ok"] == true && full.json["instance_start_time"]?.stringValue != nil
            )
            try await stage.expect(admin, "POST", "/_view_cleanup", 202)
            try await stage.expect(admin, "POST", "/_compact/none", "{}", 404, "not_found")
        }

        @Test func `old revisions are compacted when it is asked for`() async throws {
            let stage = try await Stage.make("compacted")
            let first = try await stage.put("d", ["n": 1])
            try await stage.put("d", ["n": 2], after: first)
            try await stage.expect(stage.administrator, "GET", "/d?rev=\(first)", 200)
            try await stage.expect(stage.administrator, "POST", "/_compact", "{}", 202)
            try await eventually("the old revision is gone") {
                try await stage.administrator.get("\(stage.path)/d?rev=\(first)").status == 404
            }
            try await stage.expect(stage.administrator, "GET", "/d?rev=\(first)", 404, "not_found", "missing")
            let info = try await stage.administrator.get("\(stage.path)/d?revs_info=true").json["_revs_info"]
            #expect(info?.arrayValue?.map { $0["status"] } == ["available", "missing"])
            try await eventually("the compaction is over") {
                try await stage.administrator.get(stage.path).json["compact_running"] == false
            }
        }

        @Test func `what is purged is as if it had never been`() async throws {
            let stage = try await Stage.make("purged")
            let revision = try await stage.put("d", ["~owner": .string(stage.cast.first)])
            try await stage.graft("c", ["2-bb", "1-aa"])
            try await stage.graft("c", ["2-aa", "1-aa"])
            let answer = try await stage.administrator.send(
                "POST",
                "\(stage.path)/_purge",
                ["d": [.string(revision)], "c": ["2-bb", "1-aa"], "none": ["1-x"]]
            )
            #expect(answer.status == 201)
            #expect(
                answer.json == ["purge_seq": .null, "purged": ["d": [.string(revision)], "c": ["2-bb"], "none": []]]
            )
            try await stage.expect(stage.user, "GET", "/d", 404, "not_found", "missing")
            #expect(try await stage.user.get("\(stage.path)/c").json["_rev"] == "2-aa")
            #expect(
                try await stage.user.get("\(stage.path)/_changes").json["results"]?.arrayValue?.map { $0["id"] } == [
                    "c"
                ]
            )
            let infos = try await stage.administrator.get("\(stage.path)/_purged_infos").json["purged_infos"]
            #expect(infos?.arrayValue?.map { $0["id"] } == ["d", "c"])
            try await stage.expect(stage.administrator, "POST", "/_purge", #"{"d":1}"#, 400, "bad_request")
            try await stage.expect(stage.administrator, "POST", "/_purge", #"{"d":["x"]}"#, 400, "bad_request")
            try await stage.expect(
                stage.administrator,
                "GET",
                "/_purge",
                405,
                "method_not_allowed",
                "Only POST allowed"
            )
        }

        @Test func `what belongs to the server`() async throws {
            let stage = try await Stage.make("server")
            let admin = stage.administrator
            let name = String(stage.path.dropFirst())
            let welcome = try await Client(admin.base).get("/").json
            #expect(welcome["couchdb"] == "Welcome" && welcome["version"]?.stringValue?.hasPrefix("3.5") == true)
            let names = try await admin.get("/_all_dbs?startkey=%22\(name)%22&limit=1").json
            #expect(names == [.string(name)])
            #expect(try await admin.get("/_all_dbs?key=%22none%22").json == [])
            let infos = try await admin.send("POST", "/_dbs_info", ["keys": [.string(name), "none", 1]]).json.arrayValue
            #expect(infos?.map { $0["info"]?["db_name"] ?? $0["error"] } == [.string(name), "not_found", "not_found"])
            let listed = try await admin.get("/_dbs_info?startkey=%22\(name)%22&limit=1").json
            #expect(listed.arrayValue?.map { $0["key"] } == [.string(name)])
            let uuids = try await admin.get("/_uuids?count=3")
            #expect(Set(uuids.json["uuids"]?.arrayValue ?? []).count == 3)
            #expect(uuids.headers["cache-control"] == ["no-cache"])
            #expect(try await admin.get("/_uuids?count=1001").status == 400)
            #expect(try await admin.send("PUT", "/_all_dbs", [:]).headers["allow"] == ["GET,HEAD"])
            let long = try await admin.get("/\(name)?x=" + String(repeating: "x", count: 70_000))
            #expect([414, 400, 431].contains(long.status))
        }
    }
}
