import CouchProtocol
import DocumentStore
import JSON
import Testing
import ViewIndexes

@testable import ReplicationEndpoint

@Suite struct DocumentQueryTests {
    @Test func `flags count when they are true`() throws {
        let query = try DocumentQuery(Query("meta=true&revs=yes&local_seq=true&new_edits=false&deleted=TRUE"))
        #expect(query.revsInfo && query.conflicts && query.deletedConflicts && query.localSeq)
        #expect(!query.revs && !query.newEdits && !query.deleted)
    }

    @Test func `revisions are all, a list, or none`() throws {
        #expect(try DocumentQuery(Query("open_revs=all")).openRevisions == .all)
        #expect(
            try DocumentQuery(Query("open_revs=[\"1-a\"]")).openRevisions == .revisions([RevisionID(parsing: "1-a")])
        )
        #expect(try DocumentQuery(Query("open_revs=[]")).openRevisions == nil)
        for text in ["rev=", "rev=1", "rev=x-1", "open_revs=x", "open_revs={}", "open_revs=[1]", "open_revs=[\"1\"]"] {
            #expect(throws: CouchError.self) { try DocumentQuery(Query(text)) }
        }
    }

    @Test func `a copy goes to an id, perhaps behind a revision`() throws {
        #expect(try CopyDestination("a%2Fb") == .document(DocumentID("a/b"), after: nil))
        #expect(try CopyDestination("a?rev=1-x") == .document(DocumentID("a"), after: RevisionID(parsing: "1-x")))
        #expect(try CopyDestination("_design/x") == .document(.design("x"), after: nil))
        #expect(try CopyDestination("_local/x?rev=0-3") == .local("x", after: 3))
        for text in [nil, "", "http://x/y", "https://x/y", "a?rev=x", "a?x=1", "_x", "_local/x?rev=1-x", "%zz"] {
            #expect(throws: CouchError.self) { try CopyDestination(text) }
        }
    }
}

@Suite struct DocumentListQueryTests {
    private func range(_ text: String) throws -> String {
        let query = try DocumentListQuery(Query(text))
        try query.check()
        guard let range = query.range(onlyDesigns: false) else { return "nothing" }
        let first = range.first.map { "\(range.includesFirst ? "[" : "(")\($0)" } ?? "["
        let last = range.last.map { "\($0)\(range.includesLast ? "]" : ")")" } ?? "]"
        return "\(range.isDescending ? "down " : "")\(first),\(last)"
    }

    /// Strings come behind every other JSON value, and U+0000 is in no id.
    @Test(
        arguments: [
            ("", "[,]"), ("startkey=\"a\"&endkey=\"b\"", "[a,b]"), ("start_key=\"a\"&end_key=\"b\"", "[a,b]"),
            ("key=\"a\"", "[a,a]"), ("endkey=\"b\"&inclusive_end=false", "[,b)"), ("startkey=1", "[,]"),
            ("startkey=null", "[,]"), ("endkey={}", "nothing"), ("key=1", "nothing"),
            ("startkey={}&descending=true", "nothing"), ("endkey=[]&descending=true", "down [,]"),
            ("startkey=\"b\"&endkey=\"a\"&descending=true", "down [b,a]"), ("startkey=\"a\\u0000b\"", "(a,]"),
            ("endkey=\"a\\u0000\"&inclusive_end=false", "[,a]"),
            ("startkey=\"a\\u0000\"&descending=true", "down [a,]"),
            ("endkey=\"a\\u0000\"&descending=true", "down [,a)"),
        ] as [(String, String)]
    )
    func `keys mean a range of ids`(text: String, expected: String) throws {
        #expect(try range(text) == expected)
    }

    @Test func `what is skipped and what is wanted can be added up, however large both are`() throws {
        let text = "skip=\(Int.max)&limit=\(Int.max)"
        for query in [
            try DocumentListQuery(Query(text)),
            try DocumentListQuery(body: ["skip": .number(JSONNumber(Int.max))], Query("")),
        ] {
            let range = try #require(query.range(onlyDesigns: false))
            #expect(!range.skip.addingReportingOverflow(range.limit).overflow)
            #expect(!query.skip.addingReportingOverflow(Int(UInt32.max)).overflow)
        }
    }

    @Test func `the address goes over the body, and a query over both`() throws {
        let query = try DocumentListQuery(body: ["limit": 1, "skip": 2, "descending": true], Query("limit=5"))
        #expect(query.limit == 5 && query.skip == 2 && query.isDescending)
        let own = try query.with(["limit": 9, "include_docs": true])
        #expect(own.limit == 9 && own.skip == 2 && own.includesBodies)
    }
}

@Suite struct AdaptiveStretchTests {
    @Test func `large bodies are read few at a time, small ones many`() {
        var stretch = AdaptiveStretch()
        let first = stretch.count
        stretch.note(bytes: first * 100, of: first)
        #expect(stretch.count == 500)
        stretch.note(bytes: 500 * (1 << 20), of: 500)
        #expect(stretch.count == 2)
        stretch.note(bytes: 2 * (8 << 20), of: 2)
        #expect(stretch.count == 1)
        stretch.note(bytes: 0, of: 0)
        #expect(stretch.count == 1)
    }
}
