import JSON
import NIOHTTP1
import Testing

extension SystemTests {
    /// Contract, sections 2.1 and 2.2, as far as they are built.
    @Suite(.timeLimit(.minutes(30))) struct SessionTests {
        @Test func `a login sets a cookie that scripts and other sites do not get`() async throws {
            let system = try await RunningSystem.shared
            let cast = try await Cast.of(system)
            let answer = try await decided {
                try await Client(system.http).send(
                    "POST",
                    "/_session",
                    ["name": .string(cast.first), "password": .string(RunningSystem.password(of: cast.first))]
                )
            }
            #expect(answer.status == 200)
            #expect(answer.json == ["ok": true, "name": .string(cast.first), "roles": [.string(cast.team)]])
            let cookie = try #require(answer.headers["set-cookie"].first)
            let attributes = cookie.split(separator: ";").map { $0.trimmingPrefix { $0 == " " }.lowercased() }
            #expect(attributes.contains("httponly"))
            #expect(attributes.contains("samesite=lax"))
            #expect(attributes.contains("path=/"))
            // Without TLS a cookie for TLS alone would never come back.
            #expect(!attributes.contains("secure"))
            let session = Client(system.http, .session(try #require(answer.sessionToken)))
            let described = try await session.get("/_session").json
            #expect(described["ok"] == true)
            #expect(described["userCtx"] == ["name": .string(cast.first), "roles": [.string(cast.team)]])
            #expect(described["info"]?["authenticated"] == "cookie")
        }

        @Test func `a form logs in as JSON does, and Basic needs no session`() async throws {
            let system = try await RunningSystem.shared
            let cast = try await Cast.of(system)
            let password = RunningSystem.password(of: cast.first)
            let form = try await decided {
                try await Client(system.http).send(
                    "POST",
                    "/_session",
                    text: "name=\(cast.first)&password=\(password)",
                    contentType: "application/x-www-form-urlencoded"
                )
            }
            #expect(form.status == 200)
            #expect(form.sessionToken != nil)
            let basic = try await decided {
                try await Client(system.http, .basic(name: cast.first, password: password)).get("/_session")
            }
            #expect(basic.json["userCtx"]?["name"]?.stringValue == cast.first)
            #expect(basic.headers["set-cookie"].isEmpty)
        }

        @Test func `what is nobody's name and password opens nothing`() async throws {
            let system = try await RunningSystem.shared
            let cast = try await Cast.of(system)
            for (name, password) in [(cast.first, "wrong"), ("nobody", "wrong"), ("admin", "wrong"), (cast.first, "")] {
                let login = try await decided {
                    try await Client(system.http).send(
                        "POST",
                        "/_session",
                        ["name": .string(name), "password": .string(password)]
                    )
                }
                #expect(login.status == 401)
                #expect(login.error == "unauthorized")
                #expect(login.headers["set-cookie"].isEmpty)
                let basic = Client(system.http, .basic(name: name, password: password))
                #expect(try await decided { try await basic.get("/fieldservice") }.status == 401)
            }
            let incomplete = try await Client(system.http).send("POST", "/_session", ["name": "admin"])
            #expect(incomplete.status == 400)
            for header in ["forged", ""] {
                #expect(try await Client(system.http, .session(header)).get("/fieldservice").status == 401)
            }
            #expect(try await Client(system.http, .bearer("x.y.z")).get("/fieldservice").status == 401)
        }

        @Test func `a session is over at the logout, and at the next login from it`() async throws {
            let system = try await RunningSystem.shared
            let cast = try await Cast.of(system)
            let session = try await system.login(cast.first)
            #expect(try await session.get("/fieldservice").status == 200)
            let again = try await decided {
                try await session.send(
                    "POST",
                    "/_session",
                    ["name": .string(cast.first), "password": .string(RunningSystem.password(of: cast.first))]
                )
            }
            let renewed = Client(system.http, .session(try #require(again.sessionToken)))
            #expect(try await session.get("/fieldservice").status == 401)
            #expect(try await renewed.get("/fieldservice").status == 200)
            let end = try await renewed.send("DELETE", "/_session")
            #expect(end.json == ["ok": true])
            #expect(end.sessionToken?.isEmpty == true)
            #expect(try await renewed.get("/fieldservice").status == 401)
            #expect(try await renewed.get("/_session").json["userCtx"] == ["name": .null, "roles": []])
        }

        @Test(arguments: [
            ("GET", "/fieldservice"), ("GET", "/fieldservice/_changes"), ("GET", "/fieldservice/_all_docs"),
            ("GET", "/fieldservice/_local/x"), ("PUT", "/fieldservice/x"), ("GET", "/none"), ("PUT", "/none"),
            ("GET", "/_all_dbs"), ("GET", "/_fullsync/projects"), ("GET", "/_fullsync/runs"),
            ("PUT", "/_fullsync/projects/field-service"), ("DELETE", "/fieldservice"),
        ])
        func `without credentials nothing is told`(method: String, path: String) async throws {
            let answer = try await Client(RunningSystem.shared.http).send(method, path, method == "PUT" ? [:] : nil)
            #expect(answer.status == 401)
            #expect(answer.error == "unauthorized")
        }

        @Test(arguments: [
            ("PUT", "/newdatabase"), ("DELETE", "/fieldservice"), ("GET", "/_all_dbs"), ("GET", "/_fullsync/runs"),
            ("PUT", "/_fullsync/projects/field-service"),
        ])
        func `what is the administrator's is forbidden to users`(method: String, path: String) async throws {
            let system = try await RunningSystem.shared
            let answer = try await system.login(try await Cast.of(system).first).send(method, path)
            #expect(answer.status == 403)
            #expect(answer.error == "forbidden")
        }

        @Test func `a private sequence is not there for users, a public one runs as the caller`() async throws {
            let system = try await RunningSystem.shared
            let cast = try await Cast.of(system)
            let session = try await system.login(cast.first)
            let sequences = "/_fullsync/projects/field-service/sequences"
            let hidden = try await session.send("POST", "\(sequences)/pull-catalogue", [:])
            #expect(hidden.status == 404)
            #expect(hidden.error == "not_found")
            let answer = try await session.send("POST", "\(sequences)/pull-mine", [:])
            #expect(answer.status == 200, "\(answer.json)")
            #expect(answer.json["written"] == 0)
            let run = try #require(answer.headers.first(name: "X-FullSync-Run"))
            let record = try await system.administrator.get("/_fullsync/runs/\(run)").json
            #expect(record["user"]?.stringValue == cast.first)
            #expect(record["state"] == "succeeded")
            let anonymous = try await Client(system.http).send("POST", "\(sequences)/pull-mine", [:])
            #expect(anonymous.status == 401)
        }
    }
}
