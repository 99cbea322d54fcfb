import CouchProtocol
import JSON
import Testing

@Suite struct CheckpointTests {
    private func session(_ id: String, _ recorded: Int, read: Int = 0) -> Checkpoint.Session {
        var session = Checkpoint.Session(id: id, startSequence: .beginning)
        session.recordedSequence = UpdateSequence(recorded)
        session.statistics.changesRead = read
        return session
    }

    private func common(_ source: [Checkpoint.Session]?, _ target: [Checkpoint.Session]?) -> UpdateSequence {
        Checkpoint.common(
            source: source.map { Checkpoint(history: $0) },
            target: target.map { Checkpoint(history: $0) }
        )
    }

    @Test func `without a record on both sides it begins at the beginning`() {
        #expect(common(nil, nil) == .beginning)
        #expect(common([session("a", 5)], nil) == .beginning)
        #expect(common(nil, [session("a", 5)]) == .beginning)
        #expect(common([session("a", 5)], [session("b", 5)]) == .beginning)
        #expect(common([], [session("b", 5)]) == .beginning)
    }

    @Test func `the same session on both sides is believed`() {
        #expect(common([session("b", 9), session("a", 5)], [session("b", 9), session("a", 5)]) == UpdateSequence(9))
    }

    @Test func `the newest session that both remember is believed`() {
        #expect(common([session("c", 9), session("a", 5)], [session("b", 8), session("a", 5)]) == UpdateSequence(5))
        // The target was restored from a backup.
        #expect(common([session("b", 9), session("a", 5)], [session("a", 5)]) == UpdateSequence(5))
        // The source was.
        #expect(common([session("a", 5)], [session("b", 9), session("a", 5)]) == UpdateSequence(5))
    }

    @Test func `of two records of one session the older is believed`() {
        #expect(common([session("a", 9, read: 9)], [session("a", 5, read: 5)]) == UpdateSequence(5))
        #expect(common([session("a", 5, read: 5)], [session("a", 9, read: 9)]) == UpdateSequence(5))
    }

    @Test func `a session takes its own place and others stay`() {
        var checkpoint = Checkpoint(history: [])
        for number in 0..<60 { checkpoint = checkpoint.recording(session("s\(number)", number)) }
        checkpoint = checkpoint.recording(session("s59", 100))
        #expect(checkpoint.history.count == Checkpoint.historyLimit)
        #expect(checkpoint.history.first == session("s59", 100))
        #expect(checkpoint.history[1].id == "s58")
    }

    @Test func `the document is CouchDB's and comes back`() throws {
        var newest = session("b", 0, read: 7)
        newest.recordedSequence = UpdateSequence("12-xyz")
        newest.startTime = "then"
        newest.statistics.documentsWritten = 3
        let checkpoint = Checkpoint(history: [newest, session("a", 5)])
        let document = checkpoint.document
        #expect(document["session_id"] == "b")
        #expect(document["source_last_seq"] == "12-xyz")
        #expect(document["history"]?.arrayValue?.first?["recorded_seq"] == "12-xyz")
        #expect(document["history"]?.arrayValue?.first?["docs_written"] == 3)
        #expect(Checkpoint(document: document) == checkpoint)
        #expect(Checkpoint(document: ["history": [1, ["session_id": 2], ["session_id": "x"]]]).history.isEmpty)
    }

    @Test func `the name of a replication follows from what it is`() {
        let id = ReplicationID.compute(source: "a", target: "b", filter: .none)
        #expect(id == ReplicationID.compute(source: "a", target: "b", filter: .none))
        #expect(id.utf8.count == 32)
        let others: [String] = [
            ReplicationID.compute(source: "b", target: "a", filter: .none),
            ReplicationID.compute(source: "a", target: "b", filter: .documents([DocumentID(stored: "x")])),
            ReplicationID.compute(source: "a", target: "b", filter: .selector(["x": 1])),
            ReplicationID.compute(source: "a", target: "b", filter: .function("d/f", parameters: ["x": "1"])),
            ReplicationID.compute(source: "a", target: "b", filter: .function("d/f", parameters: [:])),
        ]
        #expect(Set(others + [id]).count == others.count + 1)
        let ids = ["x", "y"].map { DocumentID(stored: $0) }
        #expect(
            ReplicationID.compute(source: "a", target: "b", filter: .documents(ids))
                == ReplicationID.compute(source: "a", target: "b", filter: .documents(ids.reversed()))
        )
    }
}

@Suite struct SequenceTests {
    @Test(arguments: ["0", "12", "12-abcDEF09", "12-ab-3", "12-ab-3-40-5"])
    func `a token is read as it was given out`(text: String) throws {
        let token = try #require(SequenceToken(parsing: text))
        #expect(token.sequence.text == text)
        #expect(SequenceToken(parsing: "\"\(text)\"") == token)
    }

    @Test(arguments: [
        "", "-", "x", "-1", "1-", "1-a-b", "1-a-1-2-3-4", "1-a-", "1-a-1--2", "1 ", "1-é", "99999999999999999999", "\"",
        "+1",
    ])
    func `what is no token is told`(text: String) {
        #expect(SequenceToken(parsing: text) == nil)
        #expect(throws: CouchError.self) { try Since(parsing: text) }
    }

    @Test func `a feed can begin now`() throws {
        #expect(try Since(parsing: "now") == .now)
        #expect(try Since(parsing: "7") == .after(SequenceToken(number: 7, incarnation: nil)))
    }

    @Test func `a row of changes is written as CouchDB writes it and read again`() throws {
        var row = ChangeRow(
            sequence: UpdateSequence("5-abc"),
            id: DocumentID(stored: "d\""),
            revisions: [try rev("2-b"), try rev("1-x")],
            isDeleted: true
        )
        var bytes: [UInt8] = []
        row.write(to: &bytes)
        #expect(
            String(decoding: bytes, as: UTF8.self)
                == #"{"seq":"5-abc","id":"d\"","changes":[{"rev":"2-b"},{"rev":"1-x"}],"deleted":true}"#
        )
        #expect(try ChangeRow(parsing: JSONValue(parsing: bytes)) == row)
        row.sequence = UpdateSequence(5)
        row.isDeleted = false
        row.document = Array("{}".utf8)
        bytes = []
        row.write(to: &bytes)
        #expect(
            String(decoding: bytes, as: UTF8.self)
                == #"{"seq":5,"id":"d\"","changes":[{"rev":"2-b"},{"rev":"1-x"}],"doc":{}}"#
        )
    }
}
