import CouchProtocol
import JSON
import Testing

extension ReplicaCheck {
    static let changes = [
        ReplicaCheck(name: "each document is in the changes once, at its newest") { replica in
            try await replica.mustWrite(document("a", 1, ["a"]))
            try await replica.mustWrite(document("b", 1, ["b"]))
            try await replica.mustWrite(document("a", 2, ["a2", "a"]))
            let rows = try await replica.allChanges()
            #expect(rows.map(\.id.text) == ["b", "a"])
            #expect(rows.map(\.revisions) == [[revision(1, "b")], [revision(2, "a2")]])
        },
        ReplicaCheck(name: "pages of any size hold the same rows") { replica in
            for number in 0..<7 { try await replica.mustWrite(document("d\(number)", 1, ["a"])) }
            let whole = try await replica.allChanges()
            for size in [1, 2, 3, 7, 8] {
                #expect(try await replica.allChanges(pageSize: size).map(\.id) == whole.map(\.id))
            }
        },
        ReplicaCheck(name: "behind the end there is nothing until something happens") { replica in
            try await replica.mustWrite(document("a", 1, ["a"]))
            let end = try await replica.changes(ChangesRequest()).lastSequence
            #expect(try await replica.changes(ChangesRequest(since: end)).rows.isEmpty)
            try await replica.mustWrite(document("b", 1, ["b"]))
            #expect(try await replica.changes(ChangesRequest(since: end)).rows.map(\.id.text) == ["b"])
        },
        ReplicaCheck(name: "the place that the database tells is the end of its changes") { replica in
            try await replica.mustWrite(document("a", 1, ["a"]))
            let end = try await replica.info().updateSequence
            #expect(try await replica.changes(ChangesRequest(since: end)).rows.isEmpty)
        },
        ReplicaCheck(name: "the winner alone is named unless all leaves are asked for") { replica in
            try await replica.mustWrite(document("a", 1, ["x"]), document("a", 1, ["y"]))
            let page = try await replica.changes(ChangesRequest(allLeaves: false))
            #expect(page.rows.map(\.revisions) == [[revision(1, "y")]])
        },
        ReplicaCheck(name: "a filter by ids lets these documents through alone") { replica in
            try await replica.mustWrite(document("a", 1, ["a"]), document("b", 1, ["b"]), document("c", 1, ["c"]))
            let ids = ["c", "a", "none"].map { DocumentID(stored: $0) }
            #expect(Set(try await replica.allChanges(filter: .documents(ids)).map(\.id.text)) == ["a", "c"])
        },
        ReplicaCheck(name: "documents that come with their rows are those that are read by themselves") { replica in
            try await replica.mustWrite(document("a", 1, ["x"]), document("a", 2, ["y", "z"]), document("b", 1, ["b"]))
            try await replica.mustWrite(document("c", 2, ["c2", "c"], deleted: true))
            var request = ChangesRequest()
            request.withDocuments = true
            for row in try await replica.changes(request).rows where !row.documents.isEmpty {
                #expect(row.documents.map(\.path.revision) == row.revisions)
                let asked = row.revisions.map { FetchRequest(id: row.id, revision: $0) }
                #expect(try await replica.fetch(asked) == row.documents.map { .document($0) })
            }
        },
        ReplicaCheck(name: "all changes as one answer are those of all pages") { replica in
            for number in 0..<7 { try await replica.mustWrite(document("d\(number)", 1, ["a"])) }
            var request = ChangesRequest(limit: 3)
            request.withDocuments = true
            guard let stream = try await replica.changesStream(request) else { return }
            var pages: [ChangesPage] = []
            repeat { pages.append(try #require(try await stream.next())) } while pages.last?.pending == nil
            #expect(pages.flatMap(\.rows).map(\.id) == (try await replica.allChanges()).map(\.id))
            #expect(pages.allSatisfy { $0.rows.count <= 3 })
            #expect(pages.dropLast().allSatisfy { $0.lastSequence == $0.rows.last?.sequence })
            #expect(try await replica.changes(ChangesRequest(since: pages[0].lastSequence)).rows.first?.id.text == "d3")
            #expect(pages.last?.lastSequence == (try await replica.info()).updateSequence)
        },
        ReplicaCheck(name: "one that waits is woken by a change") { replica in
            try await replica.mustWrite(document("a", 1, ["a"]))
            let end = try await replica.changes(ChangesRequest()).lastSequence
            async let woken = replica.changes(ChangesRequest(since: end, wait: .seconds(60)))
            try await replica.mustWrite(document("b", 1, ["b"]))
            #expect(try await woken.rows.map(\.id.text) == ["b"])
        },
        ReplicaCheck(name: "one that waits in vain gets an empty page") { replica in
            let page = try await replica.changes(ChangesRequest(wait: .milliseconds(50)))
            #expect(page.rows.isEmpty)
        },
        ReplicaCheck(name: "a slow reader who waits for each page misses none of what comes meanwhile") { replica in
            let ids = (0..<6).map { "d\($0)" }
            async let written: Void = {
                for id in ids { try await replica.mustWrite(document(id, 1, ["a"])) }
            }()
            var seen: Set<String> = []
            var request = ChangesRequest(limit: 2, wait: .seconds(60))
            while seen.count < ids.count {
                let page = try await replica.changes(request)
                request.since = page.lastSequence
                seen.formUnion(page.rows.map(\.id.text))
            }
            try await written
            #expect(seen == Set(ids))
        },
    ]

    static let attachments = [
        ReplicaCheck(name: "an attachment comes back byte for byte") { replica in
            var written = document("a", 1, ["a"])
            let content = (0..<1_000).map { UInt8(truncatingIfNeeded: $0 * 7) }
            written.attachments = [
                ReplicatedAttachment(name: "x.bin", contentType: "image/png", revisionPosition: 1, content: content)
            ]
            try await replica.mustWrite(written)
            let read = try await replica.mustFetch("a", revision(1, "a"))
            #expect(read.attachments.map(\.content) == [content])
            #expect(read.attachments.map(\.name) == ["x.bin"])
            #expect(read.attachments.map(\.contentType) == ["image/png"])
        },
        ReplicaCheck(name: "an attachment that the reader has is not sent again") { replica in
            var first = document("a", 1, ["a"])
            let old = ReplicatedAttachment(name: "old", contentType: "x/y", revisionPosition: 1, content: [1, 2, 3])
            first.attachments = [old]
            try await replica.mustWrite(first)
            var second = document("a", 2, ["b", "a"])
            var stub = old
            stub.content = nil
            let new = ReplicatedAttachment(name: "new", contentType: "x/y", revisionPosition: 2, content: [4])
            second.attachments = [stub, new]
            try await replica.mustWrite(second)
            let whole = try await replica.mustFetch("a", revision(2, "b"))
            #expect(Set(whole.attachments.map(\.content)) == [[1, 2, 3], [4]])
            let rest = try await replica.mustFetch("a", revision(2, "b"), since: [revision(1, "a")])
            #expect(rest.attachments.first { $0.name == "old" }?.content == nil)
            #expect(rest.attachments.first { $0.name == "new" }?.content == [4])
        },
        ReplicaCheck(name: "attachments of any name and length come back, in every revision that has them") { replica in
            let names = ["a", "a/b c", "é", "e\u{301}", "\"quoted\" %20?&#+", "漢字.txt"]
            var first = document("a", 1, ["a"])
            first.attachments = names.enumerated().map { length, name in
                ReplicatedAttachment(
                    name: name,
                    contentType: "text/plain; charset=utf-8",
                    revisionPosition: 1,
                    content: [UInt8](repeating: 7, count: length)
                )
            }
            var other = document("b", 1, ["b"])
            other.attachments = Array(first.attachments.prefix(2))
            var second = document("a", 2, ["b", "a"])
            second.attachments = Array(first.attachments.dropFirst(3))
            // Each before it is replaced: a replica may forget the bodies of what was.
            for written in [first, other, second] {
                try await replica.mustWrite(written)
                let read = try await replica.mustFetch(written.id.text, written.path.revision)
                #expect(read.attachments.count == written.attachments.count)
                for attachment in written.attachments {
                    let found = read.attachments.first { $0.name.utf8.elementsEqual(attachment.name.utf8) }
                    #expect(found?.content == attachment.content, "\(attachment.name)")
                    #expect(found?.contentType == attachment.contentType)
                }
            }
        },
        ReplicaCheck(name: "branches have attachments of their own") { replica in
            for (hash, content) in [("x", [UInt8(1)]), ("y", [UInt8(2)])] {
                var branch = document("a", 1, [hash])
                branch.attachments = [
                    ReplicatedAttachment(name: "n", contentType: "x/y", revisionPosition: 1, content: content)
                ]
                try await replica.mustWrite(branch)
            }
            #expect(try await replica.mustFetch("a", revision(1, "x")).attachments.map(\.content) == [[1]])
            #expect(try await replica.mustFetch("a", revision(1, "y")).attachments.map(\.content) == [[2]])
        },
        ReplicaCheck(name: "a stub of an attachment that is not there is refused") { replica in
            var written = document("a", 1, ["a"])
            var stub = ReplicatedAttachment(name: "x", contentType: "x/y", revisionPosition: 1, content: [1])
            stub.content = nil
            written.attachments = [stub]
            do {
                let failures = try await replica.write([written])
                #expect(failures.map(\.error.status) == [412])
            } catch let error as CouchError {
                // A server may answer for the whole request.
                #expect(error.status == 412)
            }
        },
    ]

    static let localDocuments = [
        ReplicaCheck(name: "a local document is read as it was written, and is no change") { replica in
            #expect(try await replica.localDocument("check") == nil)
            let body: JSONObject = ["n": 1, "list": ["x"]]
            let first = try await replica.putLocalDocument("check", LocalDocument(revision: nil, body: body))
            let read = try await replica.localDocument("check")
            #expect(read?.body == body)
            #expect(read?.revision == first)
            #expect(try await replica.allChanges().isEmpty)
        },
        ReplicaCheck(name: "a local document is replaced by its revision") { replica in
            let first = try await replica.putLocalDocument("check", LocalDocument(revision: nil, body: ["n": 1]))
            let second = try await replica.putLocalDocument("check", LocalDocument(revision: first, body: ["n": 2]))
            #expect(first != second)
            #expect(try await replica.localDocument("check")?.body == ["n": 2])
        },
    ]
}
