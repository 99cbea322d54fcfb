import JSON
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

    @Test func `a change is committed with what goes with it, or not at all`() async throws {
        let store = try await TestStore.make()
        try await store.store.client.execute("CREATE TABLE noted (changed boolean)")
        let note: MembershipCompanion = { isChanged, connection in
            try await connection.execute("INSERT INTO noted VALUES (\(isChanged))")
        }
        #expect(try await store.store.addMember("ann", to: "red", by: .sequence, with: note))
        #expect(!(try await store.store.addMember("ann", to: "red", by: .login, with: note)))
        await #expect(throws: NoRow.self) {
            try await store.store.removeMember("ann", from: "red", by: .administrator) { isChanged, connection in
                try await note(isChanged, connection)
                throw NoRow()
            }
        }
        await #expect(throws: NoRow.self) {
            try await store.store.setGroups(["blue"], of: "ann", by: .sequence) { _, _ in throw NoRow() }
        }
        #expect(try await store.store.groups(of: "ann") == ["red"])
        #expect(try await events(store) == ["1 ann+red"])
        let noted = try await store.store.client.query("SELECT changed FROM noted ORDER BY changed")
        #expect(try noted.map { try $0.decode(Bool.self) } == [false, true])
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
