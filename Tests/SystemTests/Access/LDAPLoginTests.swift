import JSON
import NIOHTTP1
import TestSupport
import Testing

extension SystemTests {
    /// Users of a directory that speaks LDAP, from the endpoint by a worker and a connector to an OpenLDAP and back.
    @Suite(.timeLimit(.minutes(30))) struct LDAPLoginTests {
        private static let project = "ldap-login"

        private static let login = """
            description: Lets the people of the directory in.
            access: private
            variables:
              user: {type: string, required: true}
              password: {type: string, required: true, secret: true}
            steps:
              - ldapAuthenticate: people.login
                with: {user: =user, password: =password}
                user: =entry.attributes.uid[0]
                groups: =entry.attributes.mail
            """
        private static let become = """
            description: Goes on as whoever has the password.
            access: public
            variables:
              name: {type: string, required: true}
              password: {type: string, required: true, secret: true}
            steps:
              - set: {before: =user}
              - ldapAuthenticate: people.login
                with: {user: =name, password: =password}
                as: who
                user: =who.attributes.uid[0]
                groups: [staff]
              - output: {before: =before, user: =user, groups: =groups, isKnown: =who.authenticated}
            """

        private static func files(_ slapd: TestSlapd) -> JSONValue {
            [
                "project.yaml": .string("project: \(project)\nlogin: login\n"),
                "connectors/people.yaml": .string(
                    """
                    type: ldap
                    host: 127.0.0.1
                    port: \(slapd.port)
                    tls: none
                    addresses: [loopback]
                    base: \(TestSlapd.base)
                    transactions:
                      login:
                        authenticate:
                          dn: "cn={user},ou=people,\(TestSlapd.base)"
                          password: "{password}"
                          attributes: [uid, mail]
                    """
                ), "sequences/login.yaml": .string(login), "sequences/become.yaml": .string(become),
            ]
        }

        @Test func `a login sequence and a called one authenticate by a directory`() async throws {
            let system = try await RunningSystem.shared
            let path = "/_fullsync/projects/\(Self.project)"
            let files = Self.files(try await TestSlapd.shared())
            let deployed = try await system.administrator.send("PUT", path, ["files": files])
            try #require(deployed.status == 200, "\(deployed.json)")
            try await attempt {
                try await system.withInstance(["FULLSYNC_LOGIN_PROJECT": Self.project]) { instance in
                    try await expectLogins(at: instance.http)
                    try await expectCalls(at: instance.http)
                }
            } finally: {
                // Nobody else's logins are to go by it.
                let files: JSONValue = ["files": ["project.yaml": .string("project: \(Self.project)\n")]]
                let retired = try await system.administrator.send("PUT", path, files)
                #expect(retired.status == 200, "\(retired.json)")
            }
        }

        private func expectLogins(at http: String) async throws {
            let ada = Client(http, .basic(name: "ada", password: "lovelace"))
            try await eventually("the workers have the project") { try await ada.get("/_session").status == 200 }
            // A directory takes a name in any case, and the user is whom its entry names.
            let session = try await Client(http).login("ADA", "lovelace")
            let user = try await session.get("/_session").json["userCtx"]
            #expect(user?["name"] == "ada")
            let roles = user?["roles"]?.arrayValue?.compactMap(\.stringValue)
            #expect(roles?.sorted() == ["lovelace@example.com", "lovelace@example.org"])
            for (name, password) in [("ada", "wrong"), ("nobody", "lovelace"), ("ada,ou=people", "lovelace")] {
                let client = Client(http, .basic(name: name, password: password))
                #expect(try await decided { try await client.get("/_session") }.status == 401, "\(name)")
            }
        }

        private func expectCalls(at http: String) async throws {
            let session = try await Client(http).login("ada", "lovelace")
            let path = "/_fullsync/projects/\(Self.project)/sequences/become"
            for (name, password) in TestSlapd.people {
                let variables: JSONValue = ["name": .string(name), "password": .string(password)]
                let answer = try await session.send("POST", path, variables)
                #expect(answer.status == 200, "\(answer.json)")
                #expect(answer.json["before"] == "ada" && answer.json["isKnown"] == true, "\(answer.json)")
                #expect(answer.json["user"] == .string(name) && answer.json["groups"] == ["staff"], "\(answer.json)")
            }
            // Another password is no failure, and changes nobody.
            let refused = try await session.send("POST", path, ["name": "ada", "password": "wrong"])
            #expect(refused.status == 200 && refused.json["isKnown"] == false, "\(refused.json)")
            #expect(refused.json["user"] == "ada" && refused.json["groups"] != ["staff"], "\(refused.json)")
        }
    }
}
