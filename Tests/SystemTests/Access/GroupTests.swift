import JSON
import NIOHTTP1
import TestSupport
import Testing

extension SystemTests {
    /// Membership, for users of any directory.
    @Suite(.timeLimit(.minutes(30))) struct GroupTests {
        @Test func `joining and leaving take effect at once, and soon at other instances`() async throws {
            let (system, other) = try await (RunningSystem.shared, OtherEndpoint.shared)
            let administrator = system.administrator
            let (name, group, id) = (
                try await administrator.makeUser("secret"), uniqueID("group"), uniqueID("for-the-group")
            )
            let tagged: JSONValue = ["~groups": [.string(group)]]
            #expect(try await administrator.send("PUT", "/fieldservice/\(id)", tagged).status == 201)
            let here = try await Client(system.http).login(name, "secret")
            let there = Client(other.http, here.credentials)
            for client in [here, there] { #expect(try await client.get("/fieldservice/\(id)").status != 200) }

            let path = "/_fullsync/groups/\(group)/members/\(name)"
            #expect(try await administrator.send("PUT", path).status == 201)
            #expect(try await administrator.send("PUT", path).status == 200)
            #expect(try await here.get("/fieldservice/\(id)").status == 200)
            try await eventually("the other instance knows") {
                try await there.get("/fieldservice/\(id)").status == 200
            }
            #expect(try await here.get("/_session").json["userCtx"]?["roles"] == [.string(group)])
            #expect(
                try await administrator.get("/_fullsync/groups").json["groups"]?.arrayValue?.contains(.string(group))
                    == true
            )
            #expect(
                try await administrator.get("/_fullsync/groups/\(group)/members").json["members"] == [.string(name)]
            )
            #expect(try await here.get("/_fullsync/users/\(name)/groups").json["groups"] == [.string(group)])

            #expect(try await administrator.send("DELETE", path).status == 200)
            #expect(try await administrator.send("DELETE", path).json == ["ok": true])
            #expect(try await here.get("/fieldservice/\(id)").status != 200)
            try await eventually("the other instance knows") {
                try await there.get("/fieldservice/\(id)").status != 200
            }
            #expect(try await administrator.get("/_fullsync/groups/\(group)/members").json["members"] == [])
        }

        @Test func `a user of the login sequence can be put into groups, and taken out of those it gave`() async throws
        {
            let system = try await RunningSystem.shared
            let cast = try await Cast.of(system)
            let session = try await system.login(cast.stranger)
            let group = uniqueID("group")
            let path = "/_fullsync/groups/\(group)/members/\(cast.stranger)"
            #expect(try await system.administrator.send("PUT", path).status == 201)
            let roles = try await session.get("/_session").json["userCtx"]?["roles"]?.arrayValue ?? []
            #expect(roles.contains(.string(group)) && roles.contains(.string(cast.otherTeam)))
            #expect(try await system.administrator.send("DELETE", path).status == 200)
        }

        @Test func `a user reads the own groups and nobody else's`() async throws {
            let system = try await RunningSystem.shared
            let one = try await system.administrator.makeUser("secret")
            let session = try await Client(system.http).login(one, "secret")
            #expect(try await session.get("/_fullsync/users/\(one)/groups").status == 200)
            #expect(try await session.get("/_fullsync/users/\(one)x/groups").status == 403)
            #expect(try await session.get("/_fullsync/users/\(one)").status == 403)
            #expect(try await Client(system.http).get("/_fullsync/users/\(one)/groups").status == 401)
        }
    }
}
