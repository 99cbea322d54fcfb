import CouchProtocol
import JSON
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import DocumentStore

/// Databases that are changed together, or not at all.
@Suite(.database) struct DatabaseChangeTests {
    private struct Refused: Error {}

    /// Decides as a test wants.
    private final class Judge: WriteValidator {
        let decide: @Sendable (DesignWrite) async -> CouchError?

        init(_ decide: @escaping @Sendable (DesignWrite) async -> CouchError?) { self.decide = decide }

        func refusal(ofDesign write: DesignWrite) async -> CouchError? { await decide(write) }

        func functions(of designs: [StoredRevision]) -> (any ValidationFunctions)? { nil }
    }

    private static func design(_ name: String, _ text: String = "doc => {}") -> JSONObject {
        ["_id": .string("_design/\(name)"), "filters": ["f": .string(text)]]
    }

    private static func change(
        _ name: String,
        _ designs: [JSONObject],
        dropping dropped: [JSONObject] = [],
        open: Bool = true
    ) -> DatabaseChange {
        var settings = DatabaseSettings()
        settings.anonymousRead = open
        return DatabaseChange(name: name, settings: settings, designs: designs, dropped: dropped)
    }

    private func designs(in name: String, of store: DocumentStore) async throws -> [String: JSONValue] {
        var range = DocumentRange()
        range.onlyDesigns = true
        let found = try await store.documents(
            in: range,
            of: try await store.database(name),
            for: TestStore.administrator
        )
        return try Dictionary(uniqueKeysWithValues: found.map { ($0.id.text, try JSONValue(parsing: $0.body)) })
    }

    @Test func `databases are made, configured and written together`() async throws {
        let test = try await TestStore.make()
        let changes = [
            Self.change("new", [Self.design("a")]), Self.change("db", [Self.design("a"), Self.design("b")]),
            DatabaseChange(name: "none", settings: nil, designs: [], dropped: [Self.design("a")]),
        ]
        let seqs = try await test.store.change(changes, by: TestStore.administrator) { _, changed in
            changed.mapValues(\.seq)
        }
        #expect(seqs == ["new": 1, "db": 2])
        for name in ["new", "db"] { #expect(try await test.store.database(name).settings.anonymousRead) }
        #expect(try await designs(in: "new", of: test.store).keys.sorted() == ["_design/a"])
        #expect(try await designs(in: "db", of: test.store).keys.sorted() == ["_design/a", "_design/b"])
        #expect(try await test.store.databaseNames() == ["db", "new"])
        // A feed of the new database is one like any other.
        let made = try await test.store.database("new")
        let edit = DocumentEdit.next("d")
        _ = try await test.store.write([edit], to: made, by: TestStore.administrator)[0].revision
        #expect(try await test.store.info(made).updateSeq == 2)

        // Once more changes nothing.
        let again = try await test.store.change(changes, by: TestStore.administrator) { _, changed in
            changed.mapValues(\.seq)
        }
        #expect(again == ["new": 2, "db": 2])
        await test.close()
    }

    @Test func `what is dropped goes, unless somebody else has made it another one`() async throws {
        let test = try await TestStore.make()
        let before = ["kept", "gone", "edited"].map { Self.design($0) }
        try await test.store.change([Self.change("db", before)], by: TestStore.administrator) { _, _ in }
        let edited = try #require(
            try await test.store.document("_design/edited", in: test.database, for: TestStore.administrator)
        )
        let text = #"{"filters":{"f":"() => true"}}"#
        try await test.put("_design/edited", text, after: edited.revision)
        try await test.put("_design/foreign", "{}")
        let after = Self.change(
            "db",
            [Self.design("kept")],
            dropping: ["gone", "edited", "absent"].map { Self.design($0) }
        )
        let said = try await test.store.change([after], by: TestStore.administrator) { _, changed in
            changed["db"].map { [$0.deleted, $0.kept] } ?? []
        }
        #expect(said == [["_design/gone"], ["_design/edited"]])
        let left = try await designs(in: "db", of: test.store)
        #expect(left.keys.sorted() == ["_design/edited", "_design/foreign", "_design/kept"])
        await test.close()
    }

    @Test func `what is dropped and has a conflict stays, as that would take its place`() async throws {
        let test = try await TestStore.make()
        try await test.store.change([Self.change("db", [Self.design("old")])], by: TestStore.administrator) { _, _ in }
        _ = try await test.graft("_design/old", ["1-0"], tags: .none).revision
        let before = try await designs(in: "db", of: test.store)
        let after = Self.change("db", [], dropping: [Self.design("old")])
        let said = try await test.store.change([after], by: TestStore.administrator) { _, changed in
            changed["db"].map { [$0.deleted, $0.kept] } ?? []
        }
        #expect(said == [[], ["_design/old"]])
        let expected = try JSONValue(parsing: #"{"filters":{"f":"doc => {}"}}"#)
        #expect(before == ["_design/old": expected])
        #expect(try await designs(in: "db", of: test.store) == before)
        await test.close()
    }

    @Test func `the indexes that others have added stay, and those of before go`() async throws {
        func index(_ fields: String...) -> JSONValue { ["map": ["fields": .array(fields.map(JSONValue.string))]] }
        func design(_ views: JSONObject) -> JSONObject {
            ["_id": "_design/by", "language": "query", "views": .object(views)]
        }
        let test = try await TestStore.make()
        func present() async throws -> JSONObject? {
            try await designs(in: "db", of: test.store)["_design/by"]?["views"]?.objectValue
        }
        let first = design(["a": index("a"), "b": index("b")])
        try await test.store.change([Self.change("db", [first])], by: TestStore.administrator) { _, _ in }
        let found = try await test.store.document("_design/by", in: test.database, for: TestStore.administrator)
        var edited = first
        edited["_id"] = nil
        edited["views"] = ["a": index("mine"), "b": index("b"), "c": index("c")]
        try await test.put("_design/by", JSONValue.object(edited).text, after: try #require(found).revision)

        let second = DatabaseChange(
            name: "db",
            settings: nil,
            designs: [design(["a": index("a", "d")])],
            dropped: [],
            droppedIndexes: ["_design/by": ["b"]]
        )
        for _ in 0..<2 {
            try await test.store.change([second], by: TestStore.administrator) { _, _ in }
            #expect(try await present() == ["a": index("a", "d"), "c": index("c")])
        }
        let seq = try await test.store.info(test.database).updateSeq
        #expect(seq == 3)
        await test.close()
    }

    @Test func `documents are written by the settings that their databases get`() async throws {
        let test = try await TestStore.make()
        var settings = DatabaseSettings()
        settings.ownerMember = "by"
        var document = Self.design("a")
        document["by"] = "ann"
        document["~owner"] = "bob"
        let changes = ["db", "new"].map {
            DatabaseChange(name: $0, settings: settings, designs: [document], dropped: [])
        }
        let members = try await test.store.change(changes, by: TestStore.administrator) { _, changed in
            changed.mapValues(\.database.settings.ownerMember)
        }
        #expect(members == ["db": "by", "new": "by"])
        let expected = try JSONValue(parsing: #"{"filters":{"f":"doc => {}"},"~owner":"bob"}"#)
        for name in ["db", "new"] { #expect(try await designs(in: name, of: test.store) == ["_design/a": expected]) }
        await test.close()
    }

    @Test func `what comes first in the transaction holds nobody up`() async throws {
        let test = try await TestStore.make()
        let another = try await test.another()
        let changes = [Self.change("db", [Self.design("a")])]
        try await test.store.change(changes, by: TestStore.administrator) { _, _ in
        } beginning: { connection in
            _ = try await connection.query("SELECT pg_advisory_xact_lock(1)")
            try await another.put("d")
        }
        #expect(try await test.store.info(test.database).updateSeq == 2)
        await another.close()
        await test.close()
    }

    @Test func `when the connection breaks before the end all is done anew`() async throws {
        let test = try await TestStore.make()
        let changes = [Self.change("db", [Self.design("a")]), Self.change("new", [Self.design("a")])]
        let times = Mutex(0)
        try await test.store.change(changes, by: TestStore.administrator) { connection, _ in
            let isFirst = times.withLock { times in
                times += 1
                return times == 1
            }
            guard isFirst else { return }
            let rows = try await connection.query("SELECT pg_backend_pid()")
            let process = try #require(try rows.first?.decode(Int32.self, at: 0))
            _ = try await test.store.client.query("SELECT pg_terminate_backend(\(process), 60000)")
            _ = try await connection.query("SELECT 1")
        }
        #expect(times.withLock { $0 } == 2)
        for name in ["db", "new"] { #expect(try await designs(in: name, of: test.store).count == 1) }
        await test.close()
    }

    @Test func `who is overtaken again and again is told to try later`() async throws {
        let test = try await TestStore.make()
        let another = try await test.another()
        let judge = Judge { write in
            do {
                let administrator = TestStore.administrator
                let present = try await another.store.document(write.id, in: test.database, for: administrator)
                let number = (present?.revision.generation ?? 0) + 1
                try await another.put(write.id.text, #"{"n":\#(number)}"#, after: present?.revision)
            } catch {
                Issue.record(error)
            }
            return nil
        }
        let store = try TestStore.connect(judge)
        let refusal = await #expect(throws: CouchError.self) {
            try await store.change([Self.change("db", [Self.design("a")])], by: TestStore.administrator) { _, _ in }
        }
        #expect(refusal?.status == 503)
        for store in [store, another.store, test.store] { await store.client.close() }
    }

    @Test func `when one thing fails nothing is changed`() async throws {
        let test = try await TestStore.make()
        let store = try TestStore.connect(
            Judge { $0.id.text == "_design/bad" ? CouchError(status: 400, error: "bad", reason: "no") : nil }
        )
        let good = [Self.change("db", [Self.design("a")]), Self.change("new", [Self.design("a")])]
        let bad = good + [Self.change("other", [Self.design("bad")])]
        let refusal = await #expect(throws: CouchError.self) {
            try await store.change(bad, by: TestStore.administrator) { _, _ in }
        }
        #expect(refusal?.reason == "other/_design/bad: no")
        let wrong = good + [Self.change("other", [["_id": "plain"]])]
        await #expect(throws: CouchError.self) {
            try await store.change(wrong, by: TestStore.administrator) { _, _ in }
        }
        // After everything has been written.
        await #expect(throws: Refused.self) {
            try await store.change(good, by: TestStore.administrator) { _, changed in
                #expect(changed.keys.sorted() == ["db", "new"])
                throw Refused()
            }
        }
        #expect(try await store.databaseNames() == ["db"])
        #expect(try await store.database("db").settings.anonymousRead == false)
        #expect(try await store.info(test.database).updateSeq == 0)
        #expect(try await designs(in: "db", of: store).isEmpty)
        await store.client.close()
        await test.close()
    }

    @Test(arguments: ["document", "database", "deletion"])
    func `what others change meanwhile is planned over anew`(_ kind: String) async throws {
        let test = try await TestStore.make()
        let hasInterrupted = Mutex(false)
        let store = try TestStore.connect(
            Judge { _ in
                let isFirst = hasInterrupted.withLock { isDone in
                    defer { isDone = true }
                    return !isDone
                }
                guard isFirst else { return nil }
                do {
                    switch kind {
                    case "document": try await test.put("_design/a", "{}")
                    case "database": try await test.store.createDatabase("new")
                    default: try await test.store.deleteDatabase("db")
                    }
                } catch {
                    Issue.record(error)
                }
                return nil
            }
        )
        let changes = [Self.change("db", [Self.design("a")]), Self.change("new", [Self.design("a")])]
        try await store.change(changes, by: TestStore.administrator) { _, _ in }
        #expect(hasInterrupted.withLock { $0 })
        for name in ["db", "new"] {
            #expect(try await store.database(name).settings.anonymousRead)
            let expected = try JSONValue(parsing: #"{"filters":{"f":"doc => {}"}}"#)
            #expect(try await designs(in: name, of: store) == ["_design/a": expected])
        }
        await store.client.close()
        await test.close()
    }

    @Test func `two at once both succeed, one after the other`() async throws {
        let test = try await TestStore.make()
        let names = ["a", "b", "c", "db"]
        try await withThrowingTaskGroup(of: Void.self) { group in
            for writer in 0..<4 {
                group.addTask {
                    let order = writer.isMultiple(of: 2) ? names : names.reversed()
                    let changes = order.map { Self.change($0, [Self.design("d", "doc => \(writer)")]) }
                    let store = try TestStore.connect()
                    try await store.change(changes, by: TestStore.administrator) { _, _ in }
                    await store.client.close()
                }
            }
            try await group.waitForAll()
        }
        let texts = try await names.asyncMap { name in
            try await designs(in: name, of: test.store)["_design/d"]?["filters"]?["f"]?.stringValue
        }
        #expect(Set(texts).count == 1 && texts[0]?.hasPrefix("doc => ") == true, "\(texts)")
        await test.close()
    }
}

extension [String] {
    /// What the body makes of each, one after the other.
    fileprivate func asyncMap<Value>(_ body: (String) async throws -> Value) async rethrows -> [Value] {
        var values: [Value] = []
        for element in self { values.append(try await body(element)) }
        return values
    }
}
