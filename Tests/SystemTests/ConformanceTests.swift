import CouchProtocol
import FullSyncClient
import ReplicaConformance
import Testing

extension SystemTests {
    /// What every replica must do, over HTTP, as the administrator.
    @Suite struct ConformanceTests {
        /// What the endpoint does not have, by the name of the check, with the reason.
        private static let notBuilt = [
            "a filter by ids lets these documents through alone": "The endpoint answers 501 to filters.",
        ]

        @Test(arguments: ReplicaCheck.all.filter { notBuilt[$0.name] == nil })
        func conformance(_ check: ReplicaCheck) async throws {
            try await withDatabase { try await check.run($0) }
        }

        @Test func `what is not built says so instead of doing something else`() async throws {
            try await withDatabase { replica in
                let client = try await RunningSystem.shared.administrator
                for query in ["filter=_doc_ids", "filter=design/name", "descending=true", "view=a/b"] {
                    let answer = try await client.get("/\(replica.database)/_changes?\(query)")
                    #expect(answer.status == 501, "\(query)")
                    #expect(answer.error == "not_implemented")
                }
            }
        }

        private func withDatabase(_ body: (HTTPReplica) async throws -> Void) async throws {
            let system = try await RunningSystem.shared
            let session = HTTPSession(address: try ServerAddress(parsing: system.http))
            try await session.login(.init(name: "admin", password: system.password))
            let replica = HTTPReplica(session: session, database: uniqueID("check"))
            try await replica.create()
            try await body(replica)
            try await replica.destroy()
        }
    }
}
