import JSON
import NIOHTTP1
import TestSupport
import Testing

extension SystemTests {
    /// Databases and what an administrator does with them: what CouchDB 3.5 answers, and to whom.
    @Suite(.timeLimit(.minutes(30))) struct DatabaseTests {
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
        }

        @Test func `a database whose name has a slash is one like others, in every path that it is in`() async throws {
            let system = try await RunningSystem.shared
            let (admin, cast) = (system.administrator, try await Cast.of(system))
            let name = "a/b+" + uniqueID("slashed")
            let path = "/" + name.replacing("/", with: "%2F")
            #expect(try await admin.send("PUT", path).status == 201)
            #expect(try await admin.get(path).json["db_name"] == .string(name))
            let user = try await system.login(cast.first)
            // The routing key of its changes is its name as it is.
            var lines = Lines(try await user.open("GET", "\(path)/_changes?feed=continuous&since=now&heartbeat=60000"))
            let written = try await admin.send("PUT", "\(path)/d", ["~owner": .string(cast.first)])
            #expect(written.status == 201)
            let location = "\(admin.base)\(path.replacing("+", with: "%2B"))/d"
            #expect(written.headers.first(name: "Location") == location)
            #expect(try await lines.nextChange()?["id"] == "d")
            #expect(try await user.get("\(path)/_all_docs").json["total_rows"] == 1)
            #expect(try await user.send("PUT", "\(path)/_local/c", [:]).status == 201)
            let settings = "/_fullsync/databases\(path)"
            #expect(try await admin.send("PUT", settings, ["revisionLimit": 7]).status == 200)
            #expect(try await admin.get(settings).json["revisionLimit"] == 7)
            #expect(try await admin.get("\(path)/_revs_limit").json == 7)
            #expect(try await admin.get("/_all_dbs").json.arrayValue?.contains(.string(name)) == true)
            let infos = try await admin.send("POST", "/_dbs_info", ["keys": [.string(name)]]).json
            #expect(infos.arrayValue?.first?["info"]?["db_name"] == .string(name))
            #expect(try await admin.send("DELETE", path).status == 200)
            #expect(try await admin.get(path).status == 404)
        }

        @Test func `U+0000 in a name is nobody's name, and no mistake of the server's`() async throws {
            let stage = try await Stage.make("zero")
            let (admin, path) = (stage.administrator, stage.path)
            try await stage.put("d")
            let paths = [
                "/a%00b", "/a%00b/d", "\(path)/a%00", "\(path)/d/a%00", "\(path)/_design/a%00",
                "\(path)/_design/a%00/_view/v", "\(path)/_design/a%00/_info", "\(path)/_local/a%00",
                "\(path)/_compact/a%00", "\(path)/_index/a%00/json/n", "/_fullsync/users/a%00",
                "/_fullsync/users/a%00/groups", "/_fullsync/groups/a%00/members", "/_fullsync/groups/g/members/a%00",
                "/_fullsync/databases/a%00", "/_fullsync/projects/a%00", "/_fullsync/projects/a%00/versions",
                "/_fullsync/runs/a%00", "/_fullsync/sessions?user=a%00", "/_fullsync/users?after=a%00",
                "\(path)/_changes?filter=a%2500/b", "\(path)/_changes?filter=_view&view=a%2500/b",
                "\(path)/_local/c?owner=a%00",
            ]
            for client in [admin, stage.anonymous] {
                for method in ["GET", "PUT", "DELETE", "POST"] {
                    for path in paths {
                        let body = method == "PUT" || method == "POST" ? "{}" : nil
                        let answer = try await client.send(method, path, text: body)
                        #expect((400..<500).contains(answer.status), "\(method) \(path): \(answer.json)")
                    }
                }
            }
            let purged = try await admin.send("POST", "\(path)/_purge", ["a\u{0}": ["1-x"]])
            #expect(purged.status == 201 && purged.json["purged"] == ["a\u{0}": []])
            let ids: JSONValue = ["a\u{0}", "d"]
            let filtered = try await admin.send("POST", "\(path)/_changes?filter=_doc_ids", ["doc_ids": ids])
            #expect(filtered.json["results"]?.arrayValue?.map { $0["id"] } == ["d"])
            let keys = try await admin.send("POST", "\(path)/_all_docs?include_docs=true", ["keys": ids])
            #expect(keys.json["rows"]?.arrayValue?.map { $0["error"] ?? $0["id"] } == ["not_found", "d"])
            let ranges = [
                ("startkey=%22%5Cu0000%22", 1), ("startkey=%22d%5Cu0000%22", 0), ("endkey=%22d%5Cu0000%22", 1),
                ("endkey=%22c%5Cu0000%22", 0), ("endkey=%22d%5Cu0000%22&inclusive_end=false", 1),
            ]
            for (query, count) in ranges {
                let answer = try await admin.get("\(path)/_all_docs?\(query)").json
                #expect(answer["rows"]?.arrayValue?.count == count, "\(query): \(answer)")
            }
        }

        @Test func `the public port is up when all is that the service needs`() async throws {
            let system = try await RunningSystem.shared
            try await eventually("it is up") {
                try await Client(system.http).get("/_up").json == ["status": "ok", "seeds": [:]]
            }
            // A broker that is not there.
            let broker = "amqp://guest:guest@127.0.0.1:1/"
            try await system.withInstance(["FULLSYNC_AMQP_URL": broker]) { instance in
                try await eventually("it is not up, and says that the broker is why") {
                    let answer = try await Client(instance.http).get("/_up")
                    #expect(answer.status == 503, "\(answer.json)")
                    return answer.reason?.contains("amqp") == true
                }
            }
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
                let answer = try await stage.administrator.get(path)
                #expect(answer.status == 200 && answer.json != .null, "\(path)")
            }
            for path in ["users", "groups", "projects", "runs"] {
                let head = try await stage.administrator.send("HEAD", "/_fullsync/\(path)")
                #expect(head.status == 200 && head.bytes.isEmpty, "\(path)")
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
                // As users are let in, it must not say that administrators alone are, as CouchDB 3 says of its own.
                try await admin.get("\(stage.path)/_security").json == [
                    "admins": ["names": [], "roles": []], "members": ["names": [], "roles": []],
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
