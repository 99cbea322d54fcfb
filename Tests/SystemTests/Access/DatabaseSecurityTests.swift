import CouchProtocol
import JSON
import NIOHTTP1
import TestSupport
import Testing

extension SystemTests {
    /// `_security`: whom a database lets in.
    @Suite(.timeLimit(.minutes(30))) struct DatabaseSecurityTests {
        private func secure(_ stage: Stage, _ object: JSONValue) async throws {
            let answer = try await stage.administrator.send("PUT", "\(stage.path)/_security", object)
            try #require(answer.status == 200, "\(answer.json)")
        }

        @Test func `who is not named is let in nowhere, to read or to write`() async throws {
            let stage = try await Stage.make("secured", settings: ["anonymous": "read", "publicWrites": "allow"])
            try await stage.put("public")
            try await stage.put("others", ["~owner": .string(stage.cast.stranger)])
            for client in [stage.user, stage.other, stage.anonymous] {
                #expect(try await client.get("\(stage.path)/public").status == 200)
            }
            try await secure(stage, ["members": ["names": [.string(stage.cast.first)]]])
            let requests: [(String, String, String?)] = [
                ("GET", "", nil), ("POST", "", "{}"), ("GET", "/public", nil), ("GET", "/others", nil),
                ("HEAD", "/public", nil), ("PUT", "/new", "{}"), ("DELETE", "/public?rev=1-x", nil),
                ("GET", "/public/photo", nil), ("PUT", "/public/photo", "x"), ("GET", "/_all_docs", nil),
                ("POST", "/_all_docs", #"{"keys":["public"]}"#), ("GET", "/_changes", nil),
                ("GET", "/_changes?feed=longpoll&since=now&timeout=100", nil), ("POST", "/_bulk_docs", #"{"docs":[]}"#),
                ("POST", "/_bulk_get", #"{"docs":[{"id":"public"}]}"#), ("POST", "/_revs_diff", "{}"),
                ("POST", "/_missing_revs", "{}"), ("GET", "/_local/c", nil), ("PUT", "/_local/c", "{}"),
                ("GET", "/_local_docs", nil), ("GET", "/_design_docs", nil), ("GET", "/_design/d", nil),
                ("GET", "/_design/d/_view/v", nil), ("POST", "/_find", #"{"selector":{}}"#),
                ("POST", "/_explain", #"{"selector":{}}"#), ("GET", "/_index", nil), ("GET", "/_security", nil),
                ("GET", "/_revs_limit", nil), ("POST", "/_ensure_full_commit", "{}"), ("COPY", "/public", nil),
                ("PUT", "/_x", "{}"), ("GET", "/_local", nil),
            ]
            for (method, resource, body) in requests {
                let refused = try await stage.other.send(method, stage.path + resource, text: body)
                #expect(refused.status == 403, "\(method) \(resource): \(refused.status)")
                if method != "HEAD" { #expect(refused.reason == "You are not allowed to access this db.") }
                let nobody = try await stage.anonymous.send(method, stage.path + resource, text: body)
                #expect(nobody.status == 401, "\(method) \(resource): \(nobody.status)")
            }
            #expect(try await stage.user.get("\(stage.path)/public").status == 200)
            #expect(try await stage.user.send("PUT", "\(stage.path)/new", [:]).status == 201)
            // It gives no right that the tags do not give.
            #expect(try await stage.user.get("\(stage.path)/others").status == 404)
            #expect(try await stage.administrator.get("\(stage.path)/others").status == 200)
            try await secure(stage, [:])
            #expect(try await stage.other.get("\(stage.path)/others").status == 200)
            #expect(try await stage.anonymous.get("\(stage.path)/public").status == 200)
        }

        @Test func `roles are groups, and administrators' is nobody's group`() async throws {
            let stage = try await Stage.make("roles")
            let (group, admin) = (uniqueID("group"), stage.administrator)
            try await secure(stage, ["members": ["roles": [.string(group)]], "admins": ["names": ["nobody"]]])
            let name = try await admin.makeUser("secret", groups: ["_admin"])
            let client = try await Client(admin.base).login(name, "secret")
            #expect(try await client.get(stage.path).status == 403)
            #expect(try await admin.send("PUT", "/_fullsync/groups/\(group)/members/\(name)").status == 201)
            #expect(try await client.get(stage.path).status == 200)
            try await secure(stage, ["members": ["roles": ["_admin"]]])
            #expect(try await client.get(stage.path).status == 403)
            // Who looks after a database is let in, and whom to let in is said by members alone.
            try await secure(stage, ["members": ["roles": ["_admin"]], "admins": ["names": [.string(name)]]])
            #expect(try await client.get(stage.path).status == 200)
            #expect(try await stage.user.get(stage.path).status == 403)
            try await secure(stage, ["admins": ["names": [.string(name)]]])
            #expect(try await stage.user.get(stage.path).status == 200)
            #expect(try await client.send("PUT", "\(stage.path)/_security", [:]).status == 403)
        }

        @Test func `an open feed ends when its reader is let in no more, at every instance`() async throws {
            let (system, other) = try await (RunningSystem.shared, OtherEndpoint.shared)
            let stage = try await Stage.make("secured-feed", settings: ["anonymous": "read"])
            let path = "\(stage.path)/_changes?feed=continuous&since=now&heartbeat=60000&timeout=3600000"
            func open(_ client: Client) async throws -> Lines { Lines(try await client.open("GET", path)) }
            var feeds = [
                try await open(stage.user), try await open(Client(other.http, stage.user.credentials)),
                try await open(stage.anonymous), try await open(Client(other.http)),
            ]
            var (member, admin) = try await (open(stage.other), open(system.administrator))
            try await secure(stage, ["members": ["names": [.string(stage.cast.stranger)]]])
            for index in feeds.indices { #expect(try await feeds[index].nextChange()?["last_seq"] != nil) }
            try await stage.put("later")
            #expect(try await member.nextChange()?["id"] == "later")
            #expect(try await admin.nextChange()?["id"] == "later")
        }

        @Test func `a feed without credentials ends when the database is shown to nobody any more`() async throws {
            let stage = try await Stage.make("shown", settings: ["anonymous": "read"])
            let path = "\(stage.path)/_changes?feed=continuous&since=now&heartbeat=60000&timeout=3600000"
            var feed = Lines(try await stage.anonymous.open("GET", path))
            let settings = "/_fullsync/databases\(stage.path)"
            #expect(try await stage.administrator.send("PUT", settings, ["anonymous": "deny"]).status == 200)
            #expect(try await feed.nextChange()?["last_seq"] != nil)
        }
    }
}
