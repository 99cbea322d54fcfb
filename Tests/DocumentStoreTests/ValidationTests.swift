import CouchProtocol
import JSON
import Logging
import Postgres
import Synchronization
import TestSupport
import Testing

@testable import DocumentStore

/// When the functions of design documents are asked about a write, and about what.
@Suite(.database) struct ValidationTests {
    @Test func `a database without functions asks nothing`() async throws {
        let (store, validator) = try await make()
        try await store.put("a")
        try await store.put("_design/d", "{}")
        try await store.put("a2")
        #expect(validator.asked.isEmpty)
        #expect(validator.designs == ["_design/d"])
        await store.close()
    }

    @Test func `each write is refused or let pass by itself`() async throws {
        let (store, validator) = try await make()
        try await store.put("_design/d", #"{"no":"x"}"#)
        let outcomes = try await store.store.write(
            [.next("a", #"{"v":1}"#), .next("b", #"{"v":"x"}"#), .next("c")],
            to: store.database,
            by: .user(name: "jo", groups: ["g"])
        )
        #expect(outcomes.map(\.error) == [nil, "forbidden", nil])
        #expect(validator.asked.map(\.id) == ["a", "b", "c"])
        #expect(validator.users == [UserContext(database: "db", name: "jo", roles: ["g"])])
        let refused = RevisionRequest(id: DocumentID(stored: "b"))
        #expect(try await store.store.fetch([refused], from: store.database, for: TestStore.administrator).isEmpty)
        await store.close()
    }

    @Test func `a function sees what is to be and what is, and nothing where nothing is replaced`() async throws {
        let (store, validator) = try await make()
        try await store.put("_design/d", #"{"no":"x"}"#)
        let first = try await store.put("a", #"{"v":1}"#, tags: Tags(owner: "jo"))
        let second = try await store.put("a", #"{"v":2}"#, after: first, tags: Tags(owner: "jo"))
        let third = try await store.put("a", "{}", after: second, deleted: true)
        try await store.put("a", #"{"v":4}"#)
        let seen = validator.asked
        #expect(seen.map { $0.document["v"] } == [1, 2, nil, 4])
        #expect(seen.map { $0.document["_rev"]?.stringValue } == [nil, first.description, second.description, nil])
        #expect(seen.map { $0.document["_deleted"] } == [nil, nil, true, nil])
        #expect(seen[0].document["_revisions"] == ["start": 0, "ids": []])
        #expect(seen[1].document["~owner"] == "jo")
        #expect(seen.map { $0.previous?["v"] } == [nil, 1, 2, nil])
        #expect(seen[1].previous?["_rev"]?.stringValue == first.description)
        // As in CouchDB, a write without a revision replaces nothing, also where there is a tombstone.
        #expect(seen[3].previous == nil)
        #expect(third.generation == 3)
        await store.close()
    }

    @Test func `a write that conflicts or is not allowed asks nothing`() async throws {
        let (store, validator) = try await make()
        try await store.put("_design/d", #"{"no":"x"}"#)
        try await store.put("a", tags: Tags(owner: "jo"))
        validator.forget()
        let stranger = Caller.user(name: "al", groups: [])
        let conflict = try await store.store.write([.next("a")], to: store.database, by: TestStore.administrator)
        let forbidden = try await store.store.write([.next("a")], to: store.database, by: stranger)
        let design = try await store.store.write([.next("_design/e")], to: store.database, by: stranger)
        #expect([conflict, forbidden, design].map { $0[0].error } == ["conflict", "forbidden", "forbidden"])
        #expect(validator.asked.isEmpty && validator.designs.isEmpty)
        await store.close()
    }

    @Test func `revisions that were made elsewhere are validated over the newest that is kept`() async throws {
        let (store, validator) = try await make()
        try await store.put("_design/d", #"{"no":"x"}"#)
        try await store.graft("a", ["1-aa"], tags: .none)
        validator.forget()
        let outcomes = try await store.store.write(
            [
                .made("a", ["3-cc", "2-bb", "1-aa"], #"{"v":3}"#), .made("a", ["3-dd", "2-bb", "1-aa"], #"{"v":"x"}"#),
                .made("a", ["4-ee", "3-cc"], #"{"v":4}"#), .made("a", ["1-aa"], #"{"v":"x"}"#),
            ],
            to: store.database,
            by: TestStore.administrator
        )
        // The last one is known, and nobody asks about it.
        #expect(outcomes.map(\.error) == [nil, "forbidden", nil, nil])
        #expect(validator.asked.prefix(3).map { $0.document["_rev"] } == ["3-cc", "3-dd", "4-ee"])
        #expect(validator.asked.prefix(3).map { $0.previous?["_rev"] } == ["1-aa", "1-aa", "3-cc"])
        await store.close()
    }

    @Test func `a forged history shows a function nothing that the writer may not read`() async throws {
        let (store, validator) = try await make()
        try await store.put("_design/d", #"{"no":"x"}"#)
        try await store.graft("a", ["2-bb", "1-aa"], tags: Tags(owner: "jo"))
        try await store.graft("a", ["4-dd", "3-cc", "2-ee", "1-aa"], tags: Tags(owner: "al"))
        validator.forget()
        // 3-cc leads to a revision of the writer's, but its body is not kept; 2-bb is somebody else's.
        let outcomes = try await store.store.write(
            [.made("a", ["4-ff", "3-cc", "2-bb"])],
            to: store.database,
            by: .user(name: "al", groups: [])
        )
        #expect(outcomes[0].error == nil)
        #expect(validator.asked.count == 1 && validator.asked[0].previous == nil)
        await store.close()
    }

    @Test func `a write behind a refused one of the same request is decided about anew`() async throws {
        let (store, validator) = try await make()
        try await store.put("_design/d", #"{"no":"x"}"#)
        let outcomes = try await store.store.write(
            [.made("a", ["1-aa"], #"{"v":"x"}"#), .made("a", ["2-bb", "1-aa"], #"{"v":2}"#)],
            to: store.database,
            by: TestStore.administrator
        )
        #expect(outcomes.map(\.error) == ["forbidden", nil])
        #expect(validator.asked.map { $0.previous?["_rev"] } == [nil, "1-aa", nil])
        await store.close()
    }

    @Test func `another instance's functions count at once`() async throws {
        let (store, _) = try await make()
        try await store.put("a")
        let (other, validator) = try await another(store)
        let design = try await store.put("_design/d", #"{"no":"x"}"#)
        let edit = DocumentEdit.next("b", #"{"v":"x"}"#)
        let refused = try await other.store.write([edit], to: other.database, by: TestStore.administrator)
        #expect(refused[0].error == "forbidden")
        try await store.put("_design/d", #"{"no":"y"}"#, after: design)
        let passed = try await other.store.write([edit], to: other.database, by: TestStore.administrator)
        #expect(passed[0].error == nil)
        #expect(validator.asked.count == 2)
        await other.close()
        await store.close()
    }

    @Test func `what changes while a function thinks is decided about anew`() async throws {
        let (store, validator) = try await make()
        let (other, _) = try await another(store)
        try await store.put("_design/d", #"{"no":"x"}"#)
        try await store.graft("a", ["1-aa"], tags: .none)
        validator.forget()
        // While the function decides about a revision behind 1-aa, another instance writes one between the two.
        validator.whileThinking {
            _ = try await other.graft("a", ["2-bb", "1-aa"], tags: .none)
        }
        let edit = DocumentEdit.made("a", ["3-cc", "2-bb", "1-aa"])
        let outcome = try await store.store.write([edit], to: store.database, by: TestStore.administrator)[0]
        #expect(outcome.error == nil)
        #expect(validator.asked.map { $0.previous?["_rev"] } == ["1-aa", "2-bb"])
        await other.close()
        await store.close()
    }

    @Test func `functions that change while one thinks are asked anew`() async throws {
        let (store, validator) = try await make()
        let (other, _) = try await another(store)
        let design = try await store.put("_design/d", #"{"no":"y"}"#)
        validator.whileThinking {
            try await other.put("_design/d", #"{"no":"x"}"#, after: design)
        }
        let edit = DocumentEdit.next("b", #"{"v":"x"}"#)
        let outcome = try await store.store.write([edit], to: store.database, by: TestStore.administrator)[0]
        #expect(outcome.error == "forbidden")
        await other.close()
        await store.close()
    }

    @Test func `a slow function holds up nobody else`() async throws {
        let (store, validator) = try await make()
        try await store.put("_design/d", #"{"no":"x"}"#)
        let (entered, leave) = (Gate(), Gate())
        validator.whileThinking {
            entered.open()
            await leave.wait()
        }
        let slow = Task { try await store.put("slow") }
        await entered.wait()
        try await store.put("quick")
        leave.open()
        _ = try await slow.value
        await store.close()
    }

    @Test func `design documents are checked however they come, and are no matter of functions`() async throws {
        let (store, validator) = try await make()
        try await store.put("_design/d", #"{"no":"x"}"#)
        let bad = #"{"bad":true}"#
        let outcomes = try await store.store.write(
            [.next("_design/e", bad), .made("_design/f", ["1-aa"], bad), .next("_design/g", #"{"v":"x"}"#)],
            to: store.database,
            by: TestStore.administrator
        )
        #expect(outcomes.map(\.error) == ["invalid_design_doc", "invalid_design_doc", nil])
        let posted = try await store.store.post(
            DocumentPost(
                documents: [["_id": "_design/h", "bad": true], ["_id": "p", "v": "x"], ["_id": "q"]],
                policy: .override,
                ownership: .asWritten,
                onlyIfChanged: true
            ),
            to: store.database,
            by: .sequence(user: "jo")
        )
        #expect(posted.map { $0.json["error"] } == ["invalid_design_doc", "forbidden", nil])
        #expect(validator.users.last == UserContext(database: "db", name: "jo", roles: ["_admin"]))
        await store.close()
    }

    private func make() async throws -> (TestStore, FakeValidator) {
        let plain = try await TestStore.make()
        let made = try await another(plain)
        await plain.close()
        return made
    }

    private func another(_ store: TestStore) async throws -> (TestStore, FakeValidator) {
        let validator = FakeValidator()
        return (try await store.another(validator: validator), validator)
    }
}

/// Refuses design documents with `bad`, and documents whose `v` is what a design document calls `no`.
private final class FakeValidator: WriteValidator {
    struct Asked: Sendable {
        let document: JSONValue
        let previous: JSONValue?

        var id: String { document["_id"]?.stringValue ?? "" }
    }

    private struct State {
        var asked: [Asked] = []
        var users: [UserContext] = []
        var designs: [String] = []
        var interruption: (@Sendable () async throws -> Void)?
    }

    private let state = Mutex(State())

    var asked: [Asked] { state.withLock { $0.asked } }
    var users: [UserContext] { state.withLock { $0.users } }
    var designs: [String] { state.withLock { $0.designs } }

    func forget() { state.withLock { $0 = State() } }

    /// Runs the body once, in the middle of the next decision.
    func whileThinking(_ body: @escaping @Sendable () async throws -> Void) {
        state.withLock { $0.interruption = body }
    }

    func refusal(ofDesign write: DesignWrite) async -> CouchError? {
        state.withLock { $0.designs.append(write.id.text) }
        guard (try? JSONValue(parsing: write.body))?["bad"] == true else { return nil }
        return CouchError(status: 400, error: "invalid_design_doc", reason: "bad")
    }

    func functions(of designs: [StoredRevision]) -> (any ValidationFunctions)? {
        let words = designs.compactMap { (try? JSONValue(parsing: $0.body))?["no"] }
        return words.isEmpty ? nil : Functions(validator: self, words: words)
    }

    private struct Functions: ValidationFunctions {
        let validator: FakeValidator
        let words: [JSONValue]

        func refusals(of writes: [DocumentWrite], by user: UserContext, security: [UInt8]) async -> [CouchError?] {
            let interruption = validator.state.withLock { state in
                defer { state.interruption = nil }
                state.users.append(user)
                return state.interruption
            }
            do {
                try await interruption?()
                let asked = try writes.map { write in
                    Asked(
                        document: try JSONValue(parsing: write.document),
                        previous: try write.previous.map { try JSONValue(parsing: $0) }
                    )
                }
                validator.state.withLock { $0.asked += asked }
                return asked.map { asked in
                    asked.document["v"].map(words.contains) == true ? .forbidden("The word is \(words).") : nil
                }
            } catch {
                Issue.record(error)
                return writes.map { _ in .internalError }
            }
        }
    }
}

/// Lets those pass who come after it was opened, and holds up the others until then.
private final class Gate: Sendable {
    private let stream: AsyncStream<Never>
    private let continuation: AsyncStream<Never>.Continuation

    init() {
        (stream, continuation) = AsyncStream.makeStream()
    }

    func open() { continuation.finish() }

    func wait() async { for await _ in stream {} }
}
