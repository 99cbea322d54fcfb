import Foundation
import JSON
import NIOHTTP1
import TestSupport
import Testing

extension SystemTests {
    /// `Authorization: Bearer`.
    @Suite(.timeLimit(.minutes(2))) struct BearerTests {
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
                    "sub": "ann", "exp": .number(JSONNumber(now + 60)), "nbf": .number(JSONNumber(now + 30)),
                ]),
                OtherEndpoint.token(["sub": "ann", "exp": .number(JSONNumber(now + 60))], header: #"{"alg":"none"}"#),
                OtherEndpoint.token(of: "ann") + "x", "x.y.z", "",
            ]
            for token in wrong {
                let answer = try await Client(other.http, .bearer(token)).get("/_session")
                #expect(answer.status == 401, "\(token)")
                #expect(answer.error == "unauthorized")
            }
        }

        @Test func `a token ends on time, also one that was found right before`() async throws {
            let other = try await OtherEndpoint.shared
            let client = Client(other.http, .bearer(OtherEndpoint.token(of: uniqueID("short"), for: 3)))
            #expect(try await client.get("/_session").status == 200)
            try await eventually("it is over", within: .seconds(10)) {
                try await client.get("/_session").status == 401
            }
        }
    }
}
