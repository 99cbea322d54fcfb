import Testing

@testable import CouchProtocol

@Suite struct ChangesReadingTests {
    private func page(_ count: Int, pending: Int?, withDocuments: Bool = true) -> ChangesPage {
        let rows = (0..<count).map { number in
            let path = RevisionPath(start: 1, hashes: [.digest(1, UInt64(number))])
            let id = DocumentID(stored: "\(number)")
            var row = ChangeRow(sequence: UpdateSequence(number), id: id, revisions: [path.revision])
            if withDocuments { row.documents = [ReplicatedDocument(id: id, path: path)] }
            return row
        }
        return ChangesPage(rows: rows, lastSequence: UpdateSequence(count), pending: pending)
    }

    private func statistics(checked: Int, found: Int) -> ReplicationStatistics {
        var statistics = ReplicationStatistics()
        (statistics.missingChecked, statistics.missingFound) = (checked, found)
        return statistics
    }

    private var stream: ChangesStream { ChangesStream { ChangesPage(rows: [], lastSequence: .beginning) } }

    @Test func `documents are asked for while they are news to the target`() {
        var reading = ChangesReading()
        reading.begin(fromNothing: false)
        #expect(!reading.wantsDocuments)
        reading.note(statistics(checked: 4, found: 2))
        #expect(reading.wantsDocuments)
        reading.note(statistics(checked: 4, found: 1))
        #expect(!reading.wantsDocuments)
    }

    @Test func `an empty target gets documents at once, but not behind a failure`() {
        var reading = ChangesReading()
        reading.begin(fromNothing: true)
        #expect(reading.wantsDocuments)
        reading.begin(fromNothing: true)
        #expect(!reading.wantsDocuments)
    }

    @Test func `all is read as one answer where much is left and the source sends documents`() {
        var reading = ChangesReading()
        for (pending, withDocuments, isWorthWhile) in [(9, true, false), (10, true, true), (10, false, false)] {
            _ = reading.take(page(2, pending: pending, withDocuments: withDocuments), batchSize: 10)
            #expect(reading.wantsStream == isWorthWhile)
        }
    }

    @Test func `pages of an answer count down, and its last one ends it`() {
        var reading = ChangesReading()
        reading.stream = stream
        #expect(reading.take(streamed: page(3, pending: nil), pending: 5).pending == 2)
        // More came meanwhile than there was at the beginning.
        #expect(reading.take(streamed: page(3, pending: nil), pending: 2).pending == 1)
        #expect(reading.stream != nil)
        #expect(reading.take(streamed: page(3, pending: 0), pending: 1).pending == 0)
        #expect(reading.stream == nil)
    }

    @Test func `an answer that brings what is there already is left`() {
        var reading = ChangesReading()
        reading.stream = stream
        reading.note(statistics(checked: 10, found: 4))
        #expect(reading.stream == nil)
        // The page that was being read of it is not the end.
        #expect(reading.take(streamed: page(3, pending: nil), pending: 100).pending == 97)
    }

    @Test func `a stream is closed when nobody reads it any more`() async {
        await confirmation { closed in
            _ = ChangesStream {
                ChangesPage(rows: [], lastSequence: .beginning)
            } close: {
                closed()
            }
        }
    }
}

@Suite struct ChangeRowTests {
    private func row(_ text: String) throws -> ChangeRow {
        try ChangeRow(parsing: Array(text.utf8), rules: DocumentRules())
    }

    private let hash = String(repeating: "a", count: 32)

    @Test func `documents come with their row`() throws {
        let leaf =
            #"{"_id":"a","_rev":"2-\#(hash)","_revisions":{"start":2,"ids":["\#(hash)"]},"n":1.50,"~owner":"ada"}"#
        let row = try row(#"{"seq":"7","id":"a","changes":[{"rev":"2-\#(hash)"}],"leaves":[\#(leaf)]}"#)
        #expect(row.sequence?.text == "7")
        #expect(row.documents.map(\.path.revision) == row.revisions)
        #expect(row.documents.first?.owner == "ada")
        #expect(row.documents.first?.body == Array(#"{"n":1.50}"#.utf8))
    }

    @Test(arguments: [
        #"[{"_id":"b","_rev":"2-HASH"}]"#, #"[{"_id":"a","_rev":"1-HASH"}]"#, #"[{"_id":"a"}]"#, "[]", "7",
        #"[{"_id":"a","_rev":"2-HASH","~owner":7}]"#, #"[{"_id":"a","_rev":"2-HASH"},{"_id":"a","_rev":"2-HASH"}]"#,
    ])
    func `documents that are not those of the row are left to be read`(_ leaves: String) throws {
        let text = #"{"seq":7,"id":"a","changes":[{"rev":"2-HASH"}],"deleted":true,"leaves":\#(leaves)}"#
        let row = try row(text.replacing("HASH", with: hash))
        #expect(row.documents.isEmpty)
        #expect(row.isDeleted && row.revisions.map(\.description) == ["2-\(hash)"])
    }

    @Test func `documents that are too large for a page are left to be read`() throws {
        for (size, isTaken) in [(200_000, true), (300_000, false)] {
            let text = String(repeating: "x", count: size)
            let leaf = #"{"_id":"a","_rev":"2-\#(hash)","t":"\#(text)"}"#
            let row = try row(#"{"seq":7,"id":"a","changes":[{"rev":"2-\#(hash)"}],"leaves":[\#(leaf)]}"#)
            #expect(row.documents.isEmpty != isTaken)
        }
    }

    @Test func `a row without a document's name is an error`() {
        #expect(throws: CouchError.self) { try row(#"{"seq":7,"changes":[],"leaves":[]}"#) }
        #expect(throws: CouchError.self) { try row(#"{"seq":7,"id":"a","changes":[{"rev":"2-\#(hash)"}]"#) }
    }
}
