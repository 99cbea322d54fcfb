import Crypto
import Foundation
import JSON
import NIOHTTP1
import TestSupport
import Testing

extension SystemTests {
    /// `Authorization: Bearer`.
    @Suite(.timeLimit(.minutes(30))) struct BearerTests {
        @Test func `a token that the key has signed is its user, with the groups of memberships`() async throws {
            let (system, other) = try await (RunningSystem.shared, OtherEndpoint.shared)
            let (user, group) = (uniqueID("token-user"), uniqueID("group"))
            let client = Client(other.http, .bearer(OtherEndpoint.token(of: user)))
            let described = try await client.get("/_session").json
            #expect(described["userCtx"] == ["name": .string(user), "roles": []])
            #expect(
                described["info"] == ["authentication_handlers": ["cookie", "jwt", "default"], "authenticated": "jwt"]
            )
            let path = "/_fullsync/groups/\(group)/members/\(user)"
            #expect(try await other.administrator.send("PUT", path).status == 201)
            #expect(try await client.get("/_session").json["userCtx"]?["roles"] == [.string(group)])
            #expect(try await client.send("PUT", "/fieldservice/\(uniqueID("by-token"))", [:]).status == 201)
            // An endpoint without a key takes none.
            let elsewhere = try await Client(system.http, client.credentials).get("/_session")
            #expect(elsewhere.status == 401)
        }

        @Test func `the administrator is nobody's token, and a token that is over is nobody's`() async throws {
            let other = try await OtherEndpoint.shared
            let now = Int(Date().timeIntervalSince1970)
            let wrong = [
                OtherEndpoint.token(of: "admin"), OtherEndpoint.token(of: "ann", for: -5),
                OtherEndpoint.token(["sub": "ann"]),
                OtherEndpoint.token([
                    "sub": "ann", "exp": .number(JSONNumber(now + 1_200)), "nbf": .number(JSONNumber(now + 600)),
                ]),
                OtherEndpoint.token(
                    ["sub": "ann", "exp": .number(JSONNumber(now + 1_200))],
                    header: #"{"alg":"none"}"#
                ),
                OtherEndpoint.token(of: "ann") + "x", "x.y.z", "",
            ]
            for token in wrong {
                let answer = try await Client(other.http, .bearer(token)).get("/_session")
                #expect(answer.status == 401, "\(token)")
                #expect(answer.error == "unauthorized")
            }
        }

        @Test func `a public key in a file is enough to tell whose token it is`() async throws {
            let system = try await RunningSystem.shared
            let key = Curve25519.Signing.PrivateKey()
            // How OpenSSL writes an Ed25519 key.
            let prefix: [UInt8] = [0x30, 0x2A, 0x30, 0x05, 0x06, 0x03, 0x2B, 0x65, 0x70, 0x03, 0x21, 0x00]
            let pem = Data(prefix + Array(key.publicKey.rawRepresentation)).base64EncodedString()
            let file = TestDirectory.make("jwt") + "/key.pem"
            try "-----BEGIN PUBLIC KEY-----\n\(pem)\n-----END PUBLIC KEY-----\n"
                .write(toFile: file, atomically: true, encoding: .utf8)
            let name = uniqueID("by-key")
            // With a fraction of a second, as JavaScript computes times.
            let expires = JSONValue.number(JSONNumber(Date().timeIntervalSince1970 + 600.5))
            func token(_ key: Curve25519.Signing.PrivateKey) throws -> String {
                let claims = JSONValue.object(["sub": .string(name), "exp": expires]).bytes
                let parts = [Array(#"{"alg":"EdDSA","typ":"JWT"}"#.utf8), claims].map(OtherEndpoint.base64)
                let signed = parts.joined(separator: ".")
                return "\(signed).\(OtherEndpoint.base64(Array(try key.signature(for: Data(signed.utf8)))))"
            }
            try await system.withInstance(["FULLSYNC_JWT_PUBLIC_KEY_FILE": file]) { instance in
                let mine = try await Client(instance.http, .bearer(try token(key))).get("/_session")
                #expect(mine.json["userCtx"] == ["name": .string(name), "roles": []])
                let forged = Client(instance.http, .bearer(try token(Curve25519.Signing.PrivateKey())))
                #expect(try await forged.get("/_session").status == 401)
                // What another secret has signed is nobody's here.
                let other = Client(instance.http, .bearer(OtherEndpoint.token(of: name)))
                #expect(try await other.get("/_session").status == 401)
            }
        }

        @Test func `a token ends on time, also one that was found right before`() async throws {
            let other = try await OtherEndpoint.shared
            var found: Client?
            try await eventually("it is found before its time is over") {
                let client = Client(other.http, .bearer(OtherEndpoint.token(of: uniqueID("short"), for: 10)))
                found = client
                return try await client.get("/_session").status == 200
            }
            let client = try #require(found)
            try await eventually("it is over") {
                try await client.get("/_session").status == 401
            }
        }
    }
}
