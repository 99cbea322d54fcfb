import JSON
import NIOHTTP1
import TestSupport
import Testing

extension SystemTests {
    /// The built-in user directory, beside a project that has a login sequence.
    @Suite(.timeLimit(.minutes(30))) struct UserDirectoryTests {
        @Test func `a user that an administrator makes logs in at every instance, by cookie and by Basic`() async throws
        {
            let (system, other) = try await (RunningSystem.shared, OtherEndpoint.shared)
            let name = uniqueID("user")
            let path = "/_fullsync/users/\(name)"
            let made = try await system.administrator.send(
                "PUT",
                path,
                ["password": "canary-pw", "groups": ["b", "a"]]
            )
            #expect(made.status == 201)
            #expect(made.json["groups"] == ["a", "b"])
            let shown = try await other.administrator.get(path)
            #expect(shown.status == 200)
            #expect(shown.json["name"]?.stringValue == name)
            #expect(shown.json["groups"] == ["a", "b"])
            #expect(!String(decoding: shown.bytes, as: UTF8.self).contains("canary-pw"))
            #expect(!String(decoding: made.bytes, as: UTF8.self).contains("canary-pw"))
            for base in [system.http, other.http] {
                let session = try await Client(base).login(name, "canary-pw")
                let described = try await session.get("/_session").json
                #expect(described["userCtx"] == ["name": .string(name), "roles": ["a", "b"]])
                let basic = try await Client(base, .basic(name: name, password: "canary-pw")).get("/_session").json
                #expect(basic["userCtx"] == ["name": .string(name), "roles": ["a", "b"]])
                #expect(basic["info"]?["authenticated"] == "default")
                let wrong = try await Client(base, .basic(name: name, password: "canary-px")).get("/_session")
                #expect(wrong.status == 401)
                #expect(wrong.error == "unauthorized")
            }
            let listed =
                try await system.administrator.get("/_fullsync/users?limit=1000").json["users"]?.arrayValue ?? []
            #expect(listed.contains { $0["name"]?.stringValue == name })
        }

        @Test func `another password ends what stood on the one before, everywhere`() async throws {
            let (system, other) = try await (RunningSystem.shared, OtherEndpoint.shared)
            let name = try await system.administrator.makeUser("first")
            let session = try await Client(system.http).login(name, "first")
            let elsewhere = Client(other.http, session.credentials)
            let basic = Client(other.http, .basic(name: name, password: "first"))
            for client in [session, elsewhere, basic] {
                #expect(try await client.get("/_session").json["userCtx"]?["name"]?.stringValue == name)
            }
            let changed = try await system.administrator.send("PUT", "/_fullsync/users/\(name)", ["password": "second"])
            #expect(changed.status == 200)
            // Here at once, there as soon as it hears of it.
            #expect(try await session.get("/fieldservice").status == 401)
            try await eventually("the other instance knows") {
                let statuses = try await [elsewhere.get("/fieldservice").status, basic.get("/_session").status]
                return statuses == [401, 401]
            }
            #expect(try await Client(other.http).login(name, "second").get("/fieldservice").status == 200)
        }

        @Test func `a user that is deleted is nobody any more`() async throws {
            let (system, other) = try await (RunningSystem.shared, OtherEndpoint.shared)
            let name = try await system.administrator.makeUser("secret", groups: ["g"])
            let session = try await Client(other.http).login(name, "secret")
            let basic = Client(other.http, .basic(name: name, password: "secret"))
            #expect(try await basic.get("/fieldservice").status == 200)
            let path = "/_fullsync/users/\(name)"
            #expect(try await system.administrator.send("DELETE", path).json == ["ok": true])
            try await eventually("the other instance knows") {
                let statuses = try await [session.get("/fieldservice").status, basic.get("/fieldservice").status]
                return statuses == [401, 401]
            }
            #expect(try await system.administrator.get(path).status == 404)
            #expect(try await system.administrator.send("DELETE", path).status == 404)
            #expect(try await system.administrator.get("\(path)/groups").json["groups"] == [])
        }

        @Test func `what is given is changed, and nothing else`() async throws {
            let system = try await RunningSystem.shared
            let name = try await system.administrator.makeUser("secret", groups: ["one"])
            let path = "/_fullsync/users/\(name)"
            let session = try await Client(system.http).login(name, "secret")
            #expect(try await system.administrator.send("PUT", path, ["groups": ["two"]]).status == 200)
            #expect(try await session.get("/_session").json["userCtx"]?["roles"] == ["two"])
            #expect(try await system.administrator.send("PUT", path, ["password": "other"]).status == 200)
            #expect(try await system.administrator.get(path).json["groups"] == ["two"])
        }

        @Test(arguments: [
            #"{"groups":[]}"#, "{}", "[]", "no JSON", #"{"password":""}"#, #"{"password":1}"#, #"{"password":null}"#,
            #"{"password":"x","groups":"a"}"#, #"{"password":"x","groups":[1]}"#, #"{"password":"x","groups":[""]}"#,
            #"{"password":"x","roles":["_admin"]}"#, #"{"password":"x","password":"y"}"#, "",
        ])
        func `what makes no user is refused`(body: String) async throws {
            let system = try await RunningSystem.shared
            let path = "/_fullsync/users/\(uniqueID("nobody"))"
            let answer = try await system.administrator.send("PUT", path, text: body)
            #expect(answer.status == 400, "\(answer.json)")
            #expect(answer.reason?.isEmpty == false)
            #expect(try await system.administrator.get(path).status == 404)
        }

        @Test func `names and passwords have limits, and the administrator's name is taken`() async throws {
            let system = try await RunningSystem.shared
            let long = String(repeating: "x", count: 256)
            let users = "/_fullsync/users"
            for name in [long, "a%00b", "a%0Ab"] {
                let answer = try await system.administrator.send("PUT", "\(users)/\(name)", ["password": "x"])
                #expect(answer.status == 400, "\(answer.json)")
            }
            let password = String(repeating: "x", count: 1_025)
            let name = uniqueID("nobody")
            let answer = try await system.administrator.send("PUT", "\(users)/\(name)", ["password": .string(password)])
            #expect(answer.status == 400)
            #expect(try await system.administrator.send("PUT", "\(users)/admin", ["password": "x"]).status == 403)
            let body = #"{"password":"x","groups":["\#(String(repeating: "x", count: 100_000))"]}"#
            #expect(try await system.administrator.send("PUT", "\(users)/\(name)", text: body).status == 413)
            // A guess of any size is a wrong one.
            #expect(
                try await Client(system.http, .basic(name: name, password: password)).get("/_session").status == 401
            )
            #expect(try await Client(system.http, .basic(name: long, password: "x")).get("/_session").status == 401)
        }
    }
}
