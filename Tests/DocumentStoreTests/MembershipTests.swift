import Postgres
import TestSupport
import Testing

@testable import DocumentStore

/// Who is in which group, and the numbers that joining and leaving take.
@Suite(.database) struct MembershipTests {
    private func events(_ store: TestStore) async throws -> [String] {
        let rows = try await store.store.client.query(
            "SELECT seq, user_name, group_name, joined FROM membership_events WHERE database = \(store.database.id) ORDER BY seq"
        )
        return try rows.map { row in
            let (seq, user, group, joined) = try row.decode(Int64.self, String.self, String.self, Bool.self)
            return "\(seq) \(user)\(joined ? "+" : "-")\(group)"
        }
    }

    @Test func `a user is in a group while anyone says so`() async throws {
        let store = try await TestStore.make()
        let documents = store.store
        #expect(try await documents.setGroups(["a"], of: "ann", by: .administrator))
        #expect(!(try await documents.setGroups(["a"], of: "ann", by: .login)))
        #expect(!(try await documents.setGroups([], of: "ann", by: .administrator)))
        #expect(try await documents.groups(of: "ann") == ["a"])
        #expect(try await documents.setGroups([], of: "ann", by: .login))
        #expect(!(try await documents.setGroups([], of: "ann", by: .login)))
        #expect(try await documents.groups(of: "ann").isEmpty)
        #expect(try await events(store) == ["1 ann+a", "2 ann-a"])
        await store.close()
    }

    @Test func `joining and leaving take their numbers in the order of changes, in every database`() async throws {
        let store = try await TestStore.make()
        try await store.store.createDatabase("second")
        let other = try await store.another()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, writer) in (0..<24).map({ ($0, [store, other][$0 % 2]) }) {
                group.addTask { try await writer.put("d\(index)") }
                group.addTask {
                    try await writer.store.setGroups(["g\(index)", "h"], of: "user\(index % 5)", by: .login)
                }
            }
            try await group.waitForAll()
        }
        for name in ["db", "second"] {
            let database = try await store.store.database(name)
            let end = try await store.store.info(database).updateSeq
            let rows = try await store.store.client.query(
                """
                SELECT seq FROM change_log WHERE database = \(database.id)
                UNION ALL SELECT seq FROM membership_events WHERE database = \(database.id) ORDER BY seq
                """
            )
            #expect(try rows.map { Int(try $0.decode(Int64.self, at: 0)) } == Array(1...end))
        }
        await store.close()
        await other.close()
    }
}
