import Foundation
import JSON
import NIOHTTP1
import PrivateServers
import TestSupport
import Testing

extension SystemTests {
    /// A login that a database decides about, and what becomes of logins while nobody can decide.
    @Suite(.timeLimit(.minutes(30))) struct BackEndLoginTests {
        private static let project = "back-end-login"

        private static func files(_ connector: String, call: String) -> JSONValue {
            [
                "project.yaml": .string("project: \(project)\nlogin: login\nsymbols:\n  ERP_TOKEN: {secret: true}\n"),
                "connectors/people.yaml": .string(connector),
                "sequences/login.yaml": .string(
                    """
                    description: Lets in whom the back end knows.
                    access: private
                    variables:
                      user: {type: string, required: true}
                      password: {type: string, required: true, secret: true}
                    steps:
                    \(call)
                      - if: found.rows.length !== 1
                        then: [{fail: {code: unauthorized, message: Name or password is incorrect.}}]
                      - setAuthenticatedUser: =found.rows[0].name
                        groups: =found.rows[0].teams
                    """
                ),
            ]
        }

        private static let query = """
              - callTransaction: people.find
                with: {user: =user, password: =password}
                as: found
            """
        private static let request = """
              - callTransaction: people.find
                as: answer
              - set: {found: =answer.body}
            """

        /// A database of people, which only its own account can read: the password of that is the one secret that the
        /// shared system's connectors are given.
        private static func database(_ system: RunningSystem, _ role: String) throws -> String {
            let address = try #require(URLComponents(string: system.postgres))
            return """
                type: sql
                engine: postgresql
                host: 127.0.0.1
                port: \(address.port ?? 5432)
                database: erp
                user: \(role)
                password: ${ERP_TOKEN}
                tls: none
                addresses: [loopback]
                transactions:
                  find:
                    idempotent: true
                    variables:
                      user: {type: string, required: true}
                      password: {type: string, required: true, secret: true}
                    sql: >-
                      SELECT name, teams FROM \(role).people
                      WHERE name = {user} AND hash = encode(sha256(convert_to(salt || {password}, 'UTF8')), 'hex')
                """
        }

        /// - Parameter concurrency: Another one each time, for a circuit breaker that knows nothing of the one before.
        private static func server(at port: Int, concurrency: Int) -> String {
            """
            type: http
            baseUrl: http://127.0.0.1:\(port)
            addresses: [loopback]
            timeout: 1s
            concurrency: \(concurrency)
            transactions:
              find: {method: GET, path: /people}
            """
        }

        private func prepare(_ role: String, of system: RunningSystem) async throws {
            let token = try #require(TextFile.firstLine(of: system.home + "/demo-erp-token"))
            let hash = "encode(sha256(convert_to('salt' || 'enigma', 'UTF8')), 'hex')"
            for statement in [
                "CREATE ROLE \(role) LOGIN PASSWORD '\(token)'", "CREATE SCHEMA \(role)",
                "CREATE TABLE \(role).people (name text, salt text, hash text, teams jsonb)",
                "INSERT INTO \(role).people VALUES ('alan', 'salt', \(hash), '[\"hut-8\"]')",
                "GRANT USAGE ON SCHEMA \(role) TO \(role)", "GRANT SELECT ON \(role).people TO \(role)",
            ] { _ = try await system.query(statement, of: "erp") }
        }

        private func deploy(_ files: JSONValue, on system: RunningSystem) async throws {
            let path = "/_fullsync/projects/\(Self.project)"
            let answer = try await system.administrator.send("PUT", path, ["files": files])
            try #require(answer.status == 200, "\(answer.json)")
        }

        @Test func `while the back end is silent or away logins say so, and neither sessions nor guesses suffer`()
            async throws
        {
            let system = try await RunningSystem.shared
            let role = "login_\(UInt32.random(in: 0 ... .max))"
            try await prepare(role, of: system)
            let known = Self.files(try Self.database(system, role), call: Self.query)
            try await deploy(known, on: system)
            try await attempt {
                try await system.withInstance(["FULLSYNC_LOGIN_PROJECT": Self.project]) { instance in
                    let session = try await expectLogins(at: instance.http)
                    try await expectCount("answered", on: system)
                    let silent = try SilentServer()
                    try await deploy(
                        Self.files(Self.server(at: Int(silent.port), concurrency: 5), call: Self.request),
                        on: system
                    )
                    try await expectNoLogins(at: instance.http, session, because: "timeout", on: system)
                    #expect(silent.connectionCount > 0)
                    let away = try RefusingPort()
                    try await deploy(
                        Self.files(Self.server(at: away.port, concurrency: 6), call: Self.request),
                        on: system
                    )
                    try await expectNoLogins(at: instance.http, session, because: "connect_failed", on: system)
                    try await deploy(known, on: system)
                    // Were an answer of 503 a guess, this one would be told to wait.
                    let again = try await decided { try await logIn(at: instance.http, "enigma") }
                    #expect(again.status == 200, "\(again.json)")
                }
            } finally: {
                // Nobody else's logins are to go by it.
                try await deploy(["project.yaml": .string("project: \(Self.project)\n")], on: system)
            }
        }

        private func expectCount(_ outcome: String, on system: RunningSystem) async throws {
            try await eventually("\(outcome) is counted") {
                await system.hasCounted("people", in: Self.project, outcome, by: "back-end-connector")
            }
        }

        private func logIn(at http: String, _ password: String) async throws -> Client.Answer {
            try await Client(http).send("POST", "/_session", ["name": "alan", "password": .string(password)])
        }

        private func expectLogins(at http: String) async throws -> Client {
            let session = try await Client(http).login("alan", "enigma")
            let user = try await session.get("/_session").json["userCtx"]
            #expect(user?["name"] == "alan" && user?["roles"] == ["hut-8"], "\(user ?? .null)")
            let wrong = try await decided { try await logIn(at: http, "' OR ''='") }
            #expect(wrong.status == 401, "\(wrong.json)")
            return session
        }

        private func expectNoLogins(
            at http: String,
            _ session: Client,
            because code: String,
            on system: RunningSystem
        ) async throws {
            try await eventually("the login goes by the new version") {
                guard try await logIn(at: http, "enigma").status == 503 else { return false }
                return await system.hasCounted("people", in: Self.project, code, by: "back-end-connector")
            }
            // More often than a password may be guessed.
            for _ in 0..<6 {
                let answer = try await logIn(at: http, "enigma")
                #expect(answer.status == 503, "\(answer.json)")
                #expect(answer.error == "service unavailable" && answer.headers["set-cookie"].isEmpty, "\(answer.json)")
            }
            let own = try await session.get("/_session")
            #expect(own.json["userCtx"]?["name"] == "alan", "\(own.json)")
            #expect(try await session.get("/fieldservice").status == 200)
        }
    }
}
