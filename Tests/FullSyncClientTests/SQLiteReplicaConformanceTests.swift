import FullSyncClient
import ReplicaConformance
import TestSupport
import Testing

@Suite struct SQLiteReplicaConformanceTests {
    @Test(arguments: ReplicaCheck.all)
    func conformance(_ check: ReplicaCheck) async throws {
        let replica = try SQLiteReplica(path: TestDirectory.make("conformance") + "/db.sqlite")
        try await check.run(replica)
        try replica.close()
    }
}
