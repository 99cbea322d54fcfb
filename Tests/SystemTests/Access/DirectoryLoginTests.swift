import JSON
import NIOHTTP1
import TestSupport
import Testing

extension SystemTests {
    /// A project whose login sequence asks the built-in directory, chosen by `FULLSYNC_LOGIN_PROJECT` at an endpoint of
    /// its own.
    @Suite(.timeLimit(.minutes(30))) struct DirectoryLoginTests {
        private static let login = """
            description: Lets users of the directory in, but not those on leave.
            access: private
            variables:
              user: {type: string, required: true}
              password: {type: string, required: true, secret: true}
            steps:
              - callTransaction: users.authenticate
                with: {user: =user, password: =password}
                as: answer
              - if: '!answer.authenticated || answer.groups.includes("on-leave")'
                then:
                  - fail: {code: unauthorized, message: Name or password is incorrect.}
              - setAuthenticatedUser: =user
                groups: ["from-login"]
              - sessionSet: {greeting: "=`hello ${user}`"}
              - output: {}
            """
        private static let greet = """
            description: What the login has kept for the session.
            access: public
            steps:
              - sessionGet: greeting
                as: greeting
              - output: {greeting: =greeting}
            """
        private static let misuse = """
            description: Guesses passwords past the endpoint.
            access: public
            variables:
              user: {type: string, required: true}
              password: {type: string, required: true, secret: true}
            steps:
              - callTransaction: users.authenticate
                with: {user: =user, password: =password}
                as: answer
              - output: =answer
            """

        private static let project = "directory-login"

        @Test func `the sequence decides about users of the directory, and only a login may ask`() async throws {
            let system = try await RunningSystem.shared
            let path = "/_fullsync/projects/\(Self.project)"
            let deployed = try await system.administrator.send(
                "PUT",
                path,
                [
                    "files": [
                        "project.yaml": "project: directory-login\nlogin: login\n",
                        "connectors/users.yaml": "type: directory\n", "sequences/login.yaml": .string(Self.login),
                        "sequences/misuse.yaml": .string(Self.misuse), "sequences/greet.yaml": .string(Self.greet),
                    ]
                ]
            )
            try #require(deployed.status == 200, "\(deployed.json)")
            try await attempt {
                try await system.withInstance(["FULLSYNC_LOGIN_PROJECT": Self.project]) { instance in
                    try await expectLogins(at: instance.http, system)
                }
            } finally: {
                // Nobody else's logins are to go by it.
                let files: JSONValue = ["files": ["project.yaml": "project: directory-login\n"]]
                let retired = try await system.administrator.send("PUT", path, files)
                #expect(retired.status == 200, "\(retired.json)")
            }
        }

        private func expectLogins(at http: String, _ system: RunningSystem) async throws {
            let name = try await system.administrator.makeUser("secret")
            let away = try await system.administrator.makeUser("secret", groups: ["on-leave"])
            let basic = Client(http, .basic(name: name, password: "secret"))
            try await eventually("the endpoint has the project") { try await basic.get("/_session").status == 200 }
            let session = try await Client(http).login(name, "secret")
            #expect(try await session.get("/_session").json["userCtx"]?["roles"] == ["from-login"])
            for (client, greeting) in [(session, JSONValue.string("hello \(name)")), (basic, .null)] {
                let answer = try await decided {
                    try await client.send("POST", "/_fullsync/projects/\(Self.project)/sequences/greet", [:])
                }
                #expect(answer.json == ["greeting": greeting], "\(answer.json)")
            }
            for (user, password) in [(away, "secret"), (name, "wrong"), ("nobody", "secret")] {
                let client = Client(http, .basic(name: user, password: password))
                #expect(try await decided { try await client.get("/_session") }.status == 401)
            }
            let misused = try await session.send(
                "POST",
                "/_fullsync/projects/\(Self.project)/sequences/misuse",
                ["user": .string(name), "password": "secret"]
            )
            #expect(misused.status == 403, "\(misused.json)")
            // The other project's technicians are nobody here, and this one's sequence is not asked elsewhere.
            let cast = try await Cast.of(system)
            let technician = Client(http, .basic(name: cast.first, password: RunningSystem.password(of: cast.first)))
            #expect(try await decided { try await technician.get("/_session") }.status == 401)
            #expect(try await system.login(cast.first).get("/fieldservice").status == 200)
        }
    }
}
