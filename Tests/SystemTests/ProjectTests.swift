import JSON
import NIOHTTP1
import Testing

extension SystemTests {
    /// What is told of deployed projects, and to whom.
    @Suite(.timeLimit(.minutes(30))) struct ProjectTests {
        private static let shared: Set<String> = ["name", "version", "description", "databases", "sequences"]

        @Test func `a user is told what the user may call, and an administrator what works besides`() async throws {
            let system = try await RunningSystem.shared
            let user = try await system.login(Cast.of(system).first)
            let path = "/_fullsync/projects/field-service"
            let seen = try await user.get(path).json
            #expect(Set(seen.objectValue?.names ?? []) == Self.shared)
            #expect(seen["name"] == "field-service" && seen["databases"] == ["fieldservice"])
            let sequences = try #require(seen["sequences"]?.arrayValue)
            #expect(sequences.contains("pull-mine") && !sequences.contains("login"))
            let all = try await system.administrator.get(path).json
            let administrators: Set = ["listeners", "jobs", "notifications"]
            #expect(Set(all.objectValue?.names ?? []) == Self.shared.union(administrators))
            #expect(all["listeners"]?.arrayValue?.contains("push-work-orders") == true)
            #expect(all["jobs"]?.arrayValue?.contains("refresh-catalogue") == true)
            #expect(all["notifications"]?.arrayValue != nil)
            for (client, expected) in [(user, Self.shared), (system.administrator, Self.shared.union(administrators))] {
                let list = try await client.get("/_fullsync/projects").json["projects"]?.arrayValue ?? []
                #expect(list.contains { $0["name"] == "field-service" })
                for project in list { #expect(Set(project.objectValue?.names ?? []) == expected) }
            }
            #expect(try await Client(system.http).get(path).status == 401)
        }
    }
}
