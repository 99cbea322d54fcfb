import Foundation
import JSON
import NIOHTTP1
import PrivateServers
import TestSupport
import Testing

extension SystemTests {
    /// What must never be found in a log.
    @Suite(.timeLimit(.minutes(30))) struct SecretTests {
        @Test func `no log of the system has a password, a session or a token in it`() async throws {
            let (system, other) = try await (RunningSystem.shared, OtherEndpoint.shared)
            let marks = (password: uniqueID("canary-password"), wrong: uniqueID("canary-wrong"))
            let name = try await system.administrator.makeUser(marks.password)
            let cast = try await Cast.of(system)
            var secrets = [
                marks.password, marks.wrong, RunningSystem.password(of: cast.first), try system.password,
                OtherEndpoint.tokenSecret,
            ]
            // By the login sequence, whose variables have the password in them.
            if case .session(let token) = try await system.login(cast.first).credentials { secrets.append(token) }
            for base in [system.http, other.http] {
                let session = try await Client(base).login(name, marks.password)
                if case .session(let token) = session.credentials { secrets.append(token) }
                _ = try await session.send("PUT", "/fieldservice/\(uniqueID("x"))", text: "no JSON")
                _ = try await Client(base, .basic(name: name, password: marks.wrong)).get("/fieldservice")
                _ = try await Client(base).send(
                    "POST",
                    "/_session",
                    text: #"{"name":"\#(name)","password":"\#(marks.wrong)"#
                )
                let token = OtherEndpoint.token(of: name)
                secrets.append(token)
                _ = try await Client(base, .bearer(token)).get("/fieldservice")
                let forged = token + uniqueID("canary")
                secrets.append(forged)
                _ = try await Client(base, .bearer(forged)).get("/fieldservice")
                _ = try await session.send("DELETE", "/_session")
            }
            var logs = [other.log]
            let directory = system.home + "/logs"
            for file in try FileManager.default.contentsOfDirectory(atPath: directory) {
                logs.append(
                    String(
                        decoding: FileManager.default.contents(atPath: "\(directory)/\(file)") ?? Data(),
                        as: UTF8.self
                    )
                )
            }
            #expect(logs.count > 5)
            #expect(logs.contains { !$0.isEmpty })
            for secret in secrets {
                for encoded in [secret, Data(":\(secret)".utf8).base64EncodedString()] {
                    #expect(!logs.contains { $0.contains(encoded) }, "\(secret.prefix(20))")
                }
            }
        }
    }
}
