import CouchProtocol
import JSON
import Testing

extension ReplicaCheck {
    static let information = [
        ReplicaCheck(name: "an empty replica says so") { replica in
            let info = try await replica.info()
            #expect(info.documentCount == 0)
            #expect(info.deletedCount == 0)
            #expect(try await replica.allChanges().isEmpty)
            #expect(try await !replica.identity.isEmpty)
        },
        ReplicaCheck(name: "documents are counted, deleted ones apart") { replica in
            try await replica.mustWrite(
                document("a", 1, ["a"]),
                document("b", 1, ["b"]),
                document("c", 2, ["c2", "c1"], deleted: true)
            )
            let info = try await replica.info()
            #expect(info.documentCount == 2)
            #expect(info.deletedCount == 1)
        },
    ]

    static let differences = [
        ReplicaCheck(name: "an unknown document misses all its revisions") { replica in
            let asked = DocumentRevisions(id: DocumentID(stored: "a"), revisions: [revision(1, "x"), revision(3, "y")])
            let difference = try await replica.revisionsDifference([asked])
            #expect(difference.map(\.id) == [asked.id])
            #expect(Set(difference.flatMap(\.missing)) == Set(asked.revisions))
            #expect(difference.flatMap(\.possibleAncestors).isEmpty)
        },
        ReplicaCheck(name: "revisions known by name only are not missing") { replica in
            try await replica.mustWrite(document("a", 3, ["c", "b", "a"]))
            let asked = [revision(1, "a"), revision(3, "c"), revision(2, "z"), revision(4, "d")]
            let difference = try await replica.revisionsDifference([
                DocumentRevisions(id: DocumentID(stored: "a"), revisions: asked)
            ])
            #expect(Set(difference.flatMap(\.missing)) == [revision(2, "z"), revision(4, "d")])
            #expect(difference.flatMap(\.possibleAncestors) == [revision(3, "c")])
        },
        ReplicaCheck(name: "a document that misses nothing is not in the difference") { replica in
            try await replica.mustWrite(document("a", 1, ["a"]), document("b", 1, ["b"]))
            let difference = try await replica.revisionsDifference([
                DocumentRevisions(id: DocumentID(stored: "a"), revisions: [revision(1, "a")]),
                DocumentRevisions(id: DocumentID(stored: "b"), revisions: [revision(1, "x")]),
            ])
            #expect(difference.map(\.id.text) == ["b"])
        },
    ]

    static let transfers = [
        ReplicaCheck(name: "what is written is what is read, to the last digit") { replica in
            let body =
                #"{"z":1.50,"a":[1e2,-0.0,12345678901234567890123],"t":"é\u0000\ud83d\ude00","":null,"o":{"b":{}}}"#
            try await replica.mustWrite(document("id /?é+\"", 2, ["b", "a"], body: body))
            let read = try await replica.mustFetch("id /?é+\"", revision(2, "b"))
            #expect(try JSONValue(parsing: read.body) == JSONValue(parsing: body))
            #expect(read.path == RevisionPath(start: 2, hashes: [hash("b"), hash("a")]))
            #expect(!read.isDeleted)
        },
        ReplicaCheck(name: "a tombstone keeps its body") { replica in
            try await replica.mustWrite(document("a", 2, ["b", "a"], deleted: true, body: #"{"why":"gone"}"#))
            let read = try await replica.mustFetch("a", revision(2, "b"))
            #expect(read.isDeleted)
            #expect(try JSONValue(parsing: read.body) == ["why": "gone"])
        },
        ReplicaCheck(name: "a revision that is not there is a failure of its own") { replica in
            try await replica.mustWrite(document("a", 1, ["a"]))
            let outcomes = try await replica.fetch([
                FetchRequest(id: DocumentID(stored: "a"), revision: revision(1, "x")),
                FetchRequest(id: DocumentID(stored: "a"), revision: revision(1, "a")),
                FetchRequest(id: DocumentID(stored: "none"), revision: revision(1, "a")),
            ])
            var documents = 0
            var failures = 0
            for outcome in outcomes {
                switch outcome {
                case .document(let document):
                    documents += 1
                    #expect(document.path.revision == revision(1, "a"))
                case .failure(_, _, let error):
                    failures += 1
                    #expect(error.status == 404)
                }
            }
            #expect((documents, failures) == (1, 2))
        },
        ReplicaCheck(name: "branches are kept and the winner is CouchDB's") { replica in
            try await replica.mustWrite(document("d", 1, ["a"]))
            try await replica.mustWrite(document("d", 2, ["b", "a"]), document("d", 2, ["c", "a"]))
            try await replica.mustWrite(document("d", 3, ["x", "b", "a"], deleted: true))
            let rows = try await replica.allChanges()
            #expect(rows.map(\.revisions) == [[revision(2, "c"), revision(3, "x")]])
            #expect(rows.map(\.isDeleted) == [false])
        },
        ReplicaCheck(name: "writing the same again changes nothing") { replica in
            try await replica.mustWrite(document("a", 2, ["b", "a"]))
            let before = try await replica.allChanges()
            try await replica.mustWrite(document("a", 2, ["b", "a"]))
            #expect(try await replica.allChanges() == before)
        },
        ReplicaCheck(name: "an ancestry that begins later joins what is there") { replica in
            try await replica.mustWrite(document("a", 3, ["c", "b", "a"]))
            try await replica.mustWrite(document("a", 5, ["e", "d", "c"]))
            let read = try await replica.mustFetch("a", revision(5, "e"))
            #expect(read.path.hashes == ["e", "d", "c", "b", "a"].map(hash))
            #expect(try await replica.allChanges().map(\.revisions) == [[revision(5, "e")]])
        },
        ReplicaCheck(name: "many documents are written and read in one go") { replica in
            let documents = (0..<300).map { document("doc\($0)", 1, ["h\($0)"], body: #"{"n":\#($0)}"#) }
            #expect(try await replica.write(documents) == [])
            let outcomes = try await replica.fetch(
                documents.map { FetchRequest(id: $0.id, revision: $0.path.revision) }
            )
            var read: [DocumentID: ReplicatedDocument] = [:]
            for case .document(let document) in outcomes { read[document.id] = document }
            #expect(read.count == 300)
            for document in documents { #expect(read[document.id]?.body == document.body) }
        },
    ]
}
