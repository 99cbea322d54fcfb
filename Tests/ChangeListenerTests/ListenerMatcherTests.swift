import ControlStore
import CouchProtocol
import JSON
import ScriptHosting
import TestSupport
import Testing

@testable import ChangeListener
@testable import DocumentStore

/// Which changes a listener of every origin hears, and with which documents, over a real PostgreSQL.
@Suite(.database) struct ListenerMatcherTests {
    private static let trace = String(repeating: "a", count: 32)

    @Test func `a listener hears all but what its own runs wrote, whatever trace it came with`() async throws {
        let listening = try await TestListening.make()
        let callers: [(String, Caller)] = [
            ("device", .user(name: "ann", groups: [])),
            ("job", .sequence(user: "ann")),
            ("other", .sequence(user: "ann", lineage: ["listener/q/l"])),
            ("own", .sequence(user: "ann", lineage: ["listener/p/l"])),
            ("own, through another", .sequence(user: "ann", lineage: ["listener/p/l", "listener/q/l"])),
        ]
        for (id, caller) in callers { try await listening.write(id, by: caller, traceID: Self.trace) }
        let runs = try await listening.hear().flatMap(\.self)
        #expect(try await listening.documents(runs) == [["device", "job"], ["other"]])
        // What a run has in its trace already is no echo for a later change, either.
        try await listening.write("later", by: .sequence(user: "ann"), traceID: Self.trace)
        let again = try await listening.hear().flatMap(\.self)
        #expect(try await listening.documents(again.suffix(1)) == [["later"]])
        await listening.close()
    }

    @Test func `a run knows the listeners that led to it, and that is kept`() async throws {
        let listening = try await TestListening.make()
        try await listening.write("device", by: .user(name: "ann", groups: []))
        try await listening.write("other", by: .sequence(user: "ann", lineage: ["listener/q/l"]))
        let runs = try await listening.hear().flatMap(\.self)
        #expect(runs.count == 2)
        #expect(try await listening.claim(runs[0]).lineage == ["listener/p/l"])
        #expect(try await listening.claim(runs[1]).lineage == ["listener/q/l", "listener/p/l"])
        await listening.close()
    }

    @Test func `documents that do not fit into memory together are handled in several stretches`() async throws {
        let listening = try await TestListening.make()
        let body = #"{"text":"\#(String(repeating: "x", count: 3 << 20))"}"#
        for number in 0..<5 { try await listening.write("d\(number)", .next(after: nil), body) }
        let stretches = try await listening.hear()
        #expect(stretches.count == 3)
        let documents = try await listening.documents(stretches.flatMap(\.self)).flatMap(\.self)
        #expect(documents == (0..<5).map { "d\($0)" })
        await listening.close()
    }

    @Test func `a document with which the view cannot do has a run that has failed, and the others go on`() async throws
    {
        let listening = try await TestListening.make()
        for (id, body) in [("a", "{}"), ("endless", #"{"endless":true}"#), ("no", #"{"no":true}"#), ("z", "{}")] {
            try await listening.write(id, .next(after: nil), body)
        }
        let text = "function (doc) { while (doc.endless) {} if (!doc.no) emit(doc._id, null); }"
        let view = ScriptFunctions([ScriptSource(name: "map", text: text)])
        let runs = try await listening.hear(.map(view)).flatMap(\.self)
        #expect(try await listening.documents(runs) == [["a"], ["z"]])
        let failed = try await listening.control.runs(RunFilter(state: .failed), limit: 10)
        #expect(failed.map { $0["error"]?["code"] } == ["view"])
        // A person has it run after all.
        let id = try #require(failed.first?["id"]?.stringValue)
        #expect(try await listening.control.retryRun(id))
        #expect(try await listening.documents([id]) == [["endless"]])
        await listening.close()
    }

    @Test func `a deletion comes with the newest content before it, however many generations ago`() async throws {
        let listening = try await TestListening.make(chunk: 1)
        let hashes = try (1...4).map { try RevisionHash(parsing: Array(String(repeating: "\($0)", count: 32).utf8)) }
        func made(_ generations: Int) -> DocumentEdit.Revision {
            .made(RevisionPath(start: generations, hashes: Array(hashes[..<generations].reversed())))
        }
        // Pushed with all it had been: the second and third revision never were here.
        try await listening.write("long", made(1), #"{"n":1}"#)
        try await listening.write("long", made(4), deleted: true)
        // Of this one there never was a content.
        try await listening.write("empty", made(1), deleted: true)
        let runs = try await listening.hear().flatMap(\.self)
        var deleted: [String: JSONValue] = [:]
        for run in runs {
            let document = try await listening.claimNext(run)
            if document["_deleted"] == true { deleted[document["_id"]?.stringValue ?? ""] = document["n"] ?? .null }
        }
        #expect(deleted == ["long": 1, "empty": .null])
        await listening.close()
    }

    @Test func `a deletion comes with what the document was, though another tombstone is greater`() async throws {
        let listening = try await TestListening.make(chunk: 1)
        func made(_ digits: String...) throws -> DocumentEdit.Revision {
            let hashes = try digits.map { try RevisionHash(parsing: Array(String(repeating: $0, count: 32).utf8)) }
            return .made(RevisionPath(start: digits.count, hashes: hashes))
        }
        try await listening.write("d", try made("1"), "{}")
        try await listening.write("d", try made("f", "1"), #"{"n":"other"}"#, tags: AskedTags(owner: .named("bob")))
        try await listening.write("d", try made("a", "1"), #"{"n":"kept"}"#, tags: AskedTags(owner: .named("ann")))
        try await listening.write("d", try made("f", "f", "1"), deleted: true)
        try await listening.write("d", try made("a", "a", "1"), deleted: true)
        // Dead already: this one shows the same tombstone, and ends nothing.
        try await listening.write("d", try made("c", "c", "1"), deleted: true)
        // It lives once more on another branch, and ends by that.
        try await listening.write("d", try made("b", "1"), #"{"n":"late"}"#, tags: AskedTags(owner: .named("eve")))
        try await listening.write("d", try made("b", "b", "1"), deleted: true)
        var documents: [JSONValue] = []
        for run in try await listening.hear().flatMap(\.self) { documents.append(try await listening.claimNext(run)) }
        // The fourth change is one of a document that lives.
        #expect(documents.map { $0["_deleted"] == true } == [false, false, false, false, true, true, false, true])
        #expect(documents.map { $0["n"] } == [nil, "other", "other", "kept", "kept", "other", "late", "late"])
        #expect(documents.map { $0["~owner"] } == [nil, "bob", "bob", "ann", "ann", "bob", "eve", "eve"])
        let tombstones = documents.filter { $0["_deleted"] == true }.map { $0["_rev"]?.stringValue?.prefix(3) }
        #expect(tombstones == ["3-f", "3-f", "3-f"])
        await listening.close()
    }
}

extension TestListening {
    /// The document of a run of one document, which is done then, so that the document's next run is ready.
    fileprivate func claimNext(_ id: String) async throws -> JSONValue {
        let run = try await claim(id)
        _ = try await control.finish(run, .succeeded)
        return run.variables["doc"]?.arrayValue?.first ?? .null
    }
}
