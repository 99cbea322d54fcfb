import CouchProtocol
import DocumentStore
import JSON
import Postgres
import Projects
import TestSupport
import Testing

@testable import SequenceWorker

/// What steps of sequences do with documents, and that they do it once.
@Suite(.database) struct FullSyncTransactionTests {
    private func post(_ run: TestRun, _ documents: [JSONValue], step: Int = 1) async throws {
        _ = try await run.call(
            .postBulkDocuments,
            ["documents": .array(documents), "policy": "override"],
            step: step
        )
    }

    // MARK: - Once

    @Test(arguments: [FullSyncTransaction.deleteDocument, .putAttachment, .deleteAttachment, .copyDocument])
    func `a change that an earlier attempt has made is answered as then and not made again`(
        transaction: FullSyncTransaction
    ) async throws {
        try await TestRun.with { run in
            try await post(run, [["_id": "d", "_attachments": ["a": ["data": "YQ=="]]]])
            let variables: JSONObject =
                switch transaction {
                case .putAttachment: ["id": "d", "name": "b", "text": "b"]
                case .deleteAttachment: ["id": "d", "name": "a"]
                case .copyDocument: ["id": "d", "destination": "e"]
                default: ["id": "d"]
                }
            let first = try await run.call(transaction, variables, step: 2)
            let info = try await run.call(.databaseInfo)
            let next = try await run.next()
            #expect(try await next.call(transaction, variables, step: 2) == first)
            #expect(try await next.call(.databaseInfo)["update_seq"] == info["update_seq"])
            #expect(first["ok"] == true)
        }
    }

    @Test func `what a run writes has the listeners that led to the run`() async throws {
        try await TestRun.with { run in
            try await post(run, [["_id": "d"]])
            _ = try await run.call(.copyDocument, ["id": "d", "destination": "e"], step: 2)
            let database = try await run.store.database("db")
            let changes = try await run.store.committedChanges(in: database, since: 0, limit: 10)
            #expect(changes.map(\.lineage) == [["listener/shop/l"], ["listener/shop/l"]])
        }
    }

    @Test func `a database is made anew once, and its design documents are there even when the first attempt died`()
        async throws
    {
        try await TestRun.with { run in
            try await post(run, [["_id": "d"]])
            try await run.store.setSecurity(["members": ["names": ["ann"]]], of: run.store.database("db"))
            try await run.store.setPurgedInfosLimit(7, of: run.store.database("db"))
            let before = try await run.store.database("db")
            #expect(try await run.call(.resetDatabase, step: 2) == ["ok": true])
            let made = try await run.store.database("db")
            #expect(made.incarnation != before.incarnation && made.id != before.id)
            #expect(made.settings == before.settings)
            // Who was kept out is kept out.
            #expect(made.security == before.security && !AccessRules.mayOpen(made, .user(name: "eve", groups: [])))
            #expect(try await run.store.purgedInfosLimit(of: made) == 7)
            #expect(try await run.failure(.getDocument, ["id": "d"]) == "not_found")
            let design = try #require(
                try await run.store.document(.design("shop"), in: made, for: .sequence(user: nil))
            )
            _ = try await run.call(.deleteDocument, ["id": .string(design.id.text)], step: 3)
            let next = try await run.next()
            #expect(try await next.call(.resetDatabase, step: 2) == ["ok": true])
            #expect(try await run.store.database("db") == made)
            #expect(try await next.call(.getDocument, ["id": "_design/shop"])["views"]?["byPrice"] != nil)
        }
    }

    // MARK: - Copies and attachments

    @Test func `a copy has the content, the attachments and the tags of the original`() async throws {
        try await TestRun.with { run in
            _ = try await run.call(
                .postDocument,
                [
                    "document": [
                        "_id": "d", "a": 1, "_attachments": ["x": ["data": "aGk=", "content_type": "text/x"]],
                    ],
                    "policy": "override", "owner": ["name": "ann"], "groups": ["g"],
                ]
            )
            _ = try await run.call(.copyDocument, ["id": "d", "destination": "e"], step: 2)
            let copy = try await run.call(.getDocument, ["id": "e", "attachments": true])
            #expect(copy["a"] == 1 && copy["~owner"] == "ann" && copy["~groups"] == ["g"])
            #expect(copy["_attachments"]?["x"]?["data"] == "aGk=")
            #expect(try await run.failure(.copyDocument, ["id": "d", "destination": "e"], step: 3) == "conflict")
            let rev = try #require(copy["_rev"])
            let over: JSONObject = ["id": "d", "destination": "e", "destinationRev": rev]
            #expect(try await run.failure(.copyDocument, over, step: 4) == nil)
            #expect(try await run.failure(.copyDocument, ["id": "none", "destination": "f"], step: 5) == "not_found")
        }
    }

    // MARK: - History

    @Test func `a document's history is told as CouchDB tells it, and compaction takes the bodies`() async throws {
        try await TestRun.with { run in
            try await post(run, [["_id": "d", "n": 1]])
            let first = try #require(try await run.call(.getDocument, ["id": "d"])["_rev"])
            try await post(run, [["_id": "d", "_rev": first, "n": 2]], step: 2)
            let asked: JSONObject = ["id": "d", "revs": true, "revsInfo": true, "localSeq": true, "conflicts": true]
            let document = try await run.call(.getDocument, asked)
            let second = try #require(document["_rev"])
            #expect(document["_revisions"]?["start"] == 2)
            #expect(document["_revisions"]?["ids"]?.arrayValue?.count == 2)
            let statuses: JSONValue = [
                ["rev": second, "status": "available"], ["rev": first, "status": "available"],
            ]
            #expect(document["_revs_info"] == statuses)
            #expect(document["_local_seq"] != nil && document["_conflicts"] == nil)
            let plain = try await run.call(.getDocument, ["id": "d"])
            #expect(plain.objectValue?.names.filter { $0.hasPrefix("_") } == ["_id", "_rev"])
            let opened = try await run.call(.getDocument, ["id": "d", "openRevs": [first, "7-x"]])
            #expect(opened == [["ok": ["_id": "d", "_rev": first, "n": 1]], ["missing": "7-x"]])
            let latest = try await run.call(.getDocument, ["id": "d", "openRevs": [first], "latest": true])
            #expect(latest == [["ok": ["_id": "d", "_rev": second, "n": 2]]])
            #expect(try await run.call(.getDocument, ["id": "d", "openRevs": "all"]) == latest)
            #expect(try await run.failure(.getDocument, ["id": "d", "openRevs": "some"]) == "invalid_value")
            #expect(try await run.failure(.getDocument, ["id": "none", "openRevs": "all"]) == "not_found")

            #expect(try await run.call(.compactDatabase, step: 3) == ["ok": true])
            let database = try await run.store.database("db")
            while try await run.store.compact(database, through: .max, olderThan: .seconds(86_400)) {}
            #expect(try await run.failure(.getDocument, ["id": "d", "rev": first]) == "not_found")
        }
    }

    @Test func `attachments are put as Base64 or text, read as either, and taken away`() async throws {
        try await TestRun.with { run in
            let bytes: [UInt8] = [0, 255, 1, 254]
            let put: JSONObject = ["id": "d", "name": "bin", "base64": .string(Base64.encode(bytes))]
            _ = try await run.call(.putAttachment, put, step: 1, user: "ann")
            _ = try await run.call(.putAttachment, ["id": "d", "name": "note", "text": "grüße"], step: 2)
            let document = try await run.call(.getDocument, ["id": "d"])
            #expect(document["~owner"] == "ann")
            #expect(document["_attachments"]?["bin"]?["stub"] == true)
            let binary = try await run.call(.getAttachment, ["id": "d", "name": "bin"])
            #expect(binary["base64"] == .string(Base64.encode(bytes)) && binary["length"] == 4)
            #expect(binary["contentType"] == "application/octet-stream")
            let text = try await run.call(.getAttachment, ["id": "d", "name": "note", "as": "text"])
            #expect(text["text"] == "grüße" && text["contentType"] == "text/plain; charset=utf-8")
            let notText: JSONObject = ["id": "d", "name": "bin", "as": "text"]
            #expect(try await run.failure(.getAttachment, notText) == "invalid_value")
            _ = try await run.call(.deleteAttachment, ["id": "d", "name": "bin"], step: 3)
            #expect(try await run.failure(.getAttachment, ["id": "d", "name": "bin"]) == "not_found")
            #expect(try await run.failure(.deleteAttachment, ["id": "d", "name": "bin"], step: 4) == "not_found")
        }
    }

    @Test(
        arguments: [
            ["id": "d", "name": "a"], ["id": "d", "name": "a", "text": "", "base64": ""],
            ["id": "d", "name": "a", "base64": "%"], ["id": "d", "name": "_a", "text": ""],
            ["id": "d", "name": "", "text": ""], ["id": "_d", "name": "a", "text": ""],
            ["id": "d", "name": "a", "text": "", "rev": "1"], ["id": "none", "name": "a", "text": "", "rev": "1-a"],
        ] as [JSONObject]
    )
    func `an attachment that cannot be put is refused`(variables: JSONObject) async throws {
        try await TestRun.with { run in
            let code = try await run.failure(.putAttachment, variables)
            #expect(code != nil)
        }
    }

    @Test(arguments: ["override", "merge", "none"])
    func `what is posted keeps attachments that it does not speak of`(policy: JSONValue) async throws {
        try await TestRun.with { run in
            let attachments: JSONValue = ["x": ["data": "aGk="], "y": ["data": "aGk="]]
            try await post(run, [["_id": "d", "_attachments": attachments]])
            let read = try await run.call(.getDocument, ["id": "d"])
            var document = JSONObject([("_id", "d"), ("_rev", read["_rev"] ?? .null), ("a", 1)])
            let keeping: JSONObject = ["document": .object(document), "policy": policy]
            let written = try await run.call(.postDocument, keeping, step: 2)
            let kept = try await run.call(.getDocument, ["id": "d"])["_attachments"]
            #expect(kept?.objectValue?.names.sorted() == ["x", "y"])
            document["_rev"] = written["rev"]
            document["_attachments"] = ["x": ["stub": true]]
            let saying: JSONObject = ["document": .object(document), "policy": policy, "onlyIfChanged": true]
            #expect(try await run.call(.postDocument, saying, step: 3)["written"] == true)
            #expect(try await run.call(.getDocument, ["id": "d"])["_attachments"]?.objectValue?.names == ["x"])
            #expect(try await run.call(.postDocument, saying, step: 4)["written"] == false)
        }
    }

    // MARK: - Bulk

    @Test func `a template and lists of values make documents`() async throws {
        try await TestRun.with { run in
            let answer = try await run.call(
                .postBulkDocuments,
                [
                    "base": ["type": "part", "size": ["w": 1]],
                    "members": ["_id": ["a", "b"], "price": [1, 2], "shelf": "top"],
                    "policy": "override",
                ]
            )
            #expect(answer["written"] == 2)
            let b = try await run.call(.getDocument, ["id": "b"])
            #expect(b["type"] == "part" && b["size"] == ["w": 1] && b["price"] == 2 && b["shelf"] == "top")
            let uneven: JSONObject = ["documents": [[:]], "members": ["price": [1, 2]]]
            #expect(try await run.failure(.postBulkDocuments, uneven, step: 2) == "bad_request")
        }
    }

    @Test func `the contents of all documents are taken in together, and those of refused ones hold up no others`()
        async throws
    {
        try await TestRun.with { run in
            let client = run.store.client
            try await client.execute("CREATE SEQUENCE statements")
            try await client.execute(
                """
                CREATE FUNCTION count_statement() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN PERFORM nextval('statements'); RETURN NULL; END $$
                """
            )
            try await client.execute(
                "CREATE TRIGGER count AFTER INSERT ON attachment_contents EXECUTE FUNCTION count_statement()"
            )
            let documents: [JSONValue] = [
                ["_id": "a", "_attachments": ["x": ["data": "YQ=="], "y": ["data": "Yg=="]]],
                ["_id": "b", "_attachments": 1], ["_id": "c", "_attachments": ["x": ["data": "%"]]],
                ["_id": "d", "_attachments": ["w": ["follows": true], "x": ["data": "ZA=="]]], ["_id": "e"],
                ["_id": "f", "_attachments": ["x": ["data": "Zg=="]]],
            ]
            let answer = try await run.call(
                .postBulkDocuments,
                ["documents": .array(documents), "policy": "override"]
            )
            #expect(answer["written"] == 3 && answer["failed"] == 3)
            for (id, name, text) in [("a", "x", "a"), ("a", "y", "b"), ("f", "x", "f")] as [(JSONValue, JSONValue, _)] {
                let found = try await run.call(.getAttachment, ["id": id, "name": name, "as": "text"])
                #expect(found["text"] == .string(text))
            }
            let count = try await client.query("SELECT last_value FROM statements").first?.decode(Int64.self, at: 0)
            #expect(count == 1)
        }
    }

    // MARK: - Queries

    private func fill(_ run: TestRun) async throws {
        _ = try await run.call(.resetDatabase, step: 90)
        let parts: [JSONValue] = (1...5).map { number in
            let count = JSONValue.number(JSONNumber(number))
            let shelf: JSONValue = number < 4 ? "low" : "top"
            return [
                "_id": .string("p\(number)"), "price": count, "name": .string("part \(number)"), "shelf": shelf,
                "count": count,
            ]
        }
        try await post(run, parts, step: 91)
    }

    @Test func `a view is read by keys, with documents and in groups`() async throws {
        try await TestRun.with { run in
            try await fill(run)
            let all = try await run.call(.getView, ["design": "shop", "view": "byPrice", "updateSeq": true])
            #expect(all["total_rows"] == 5 && all["rows"]?.arrayValue?.count == 5 && all["update_seq"] != nil)
            let some = try await run.call(
                .getView,
                [
                    "design": "shop", "view": "byPrice", "startKey": 4, "endKey": 2, "descending": true,
                    "inclusiveEnd": false, "includeDocs": true, "skip": 1,
                ]
            )
            #expect(some["rows"]?.arrayValue?.map { $0["key"] } == [3])
            #expect(some["rows"]?.arrayValue?.first?["doc"]?["name"] == "part 3")
            let keyed = try await run.call(.getView, ["design": "shop", "view": "byPrice", "keys": [5, 1]])
            #expect(keyed["rows"]?.arrayValue?.map { $0["id"] } == ["p5", "p1"])
            let grouped = try await run.call(.getView, ["design": "shop", "view": "stock", "groupLevel": 1])
            #expect(grouped["rows"] == [["key": ["low"], "value": 6], ["key": ["top"], "value": 9]])
            #expect(try await run.failure(.getView, ["design": "shop", "view": "none"]) == "not_found")
            let reduced: JSONObject = ["design": "shop", "view": "byPrice", "reduce": true]
            #expect(try await run.failure(.getView, reduced) == "query_parse_error")
        }
    }

    @Test func `a selector finds documents, page by page`() async throws {
        try await TestRun.with { run in
            try await fill(run)
            let query: JSONObject = ["selector": ["price": ["$gt": 1]], "fields": ["_id"], "limit": 3]
            let first = try await run.call(.postFind, query.merging(["executionStats": true]))
            #expect(first["docs"] == [["_id": "p2"], ["_id": "p3"], ["_id": "p4"]])
            #expect(first["execution_stats"]?["results_returned"] == 3)
            let bookmark = try #require(first["bookmark"])
            let second = try await run.call(.postFind, query.merging(["bookmark": bookmark]))
            #expect(second["docs"] == [["_id": "p5"]])
            #expect(try await run.failure(.postFind, ["selector": ["a": ["$no": 1]]]) != nil)
        }
    }

    @Test func `all documents are listed by one key, a range, and with conflicts and attachments described`()
        async throws
    {
        try await TestRun.with { run in
            try await fill(run)
            let one = try await run.call(.allDocs, ["key": "p2", "includeDocs": true])
            #expect(one["rows"]?.arrayValue?.first?["doc"]?["price"] == 2)
            let range: JSONObject = ["startKey": "p2", "endKey": "p4", "inclusiveEnd": false]
            #expect(try await run.call(.allDocs, range)["rows"]?.arrayValue?.map { $0["id"] } == ["p2", "p3"])
        }
    }

    @Test func `a list that takes several pages is whole, by keys and by range, with documents and without`()
        async throws
    {
        try await TestRun.with { run in
            let ids = (100..<350).map { "d\($0)" }
            try await post(run, ids.map { ["_id": .string($0), "n": .string($0)] })
            for includesDocs in [true, false] {
                func listed(_ variables: JSONObject) async throws -> [String] {
                    let asked = variables.merging(["includeDocs": .bool(includesDocs)])
                    let rows = try await run.call(.allDocs, asked)["rows"]?.arrayValue ?? []
                    #expect(rows.allSatisfy { $0["doc"]?["n"] == (includesDocs ? $0["id"] : nil) })
                    return rows.compactMap { $0["id"]?.stringValue }
                }
                let range: JSONObject = ["startKey": "d", "endKey": "e"]
                #expect(try await listed(range) == ids)
                let some = try await listed(range.merging(["skip": 20, "limit": 150]))
                #expect(some == Array(ids[20..<170]))
                let keys = Array(ids.reversed())
                #expect(try await listed(["keys": .array((keys + ["none"]).map(JSONValue.string))]) == keys)
            }
        }
    }

    @Test func `a list of documents that is too large ends before all of them are in memory`() async throws {
        try await TestRun.with { run in
            _ = try await run.call(.resetDatabase, step: 90)
            let text = JSONValue.string(String(repeating: "x", count: 3_000_000))
            for number in 100..<113 {
                try await post(run, [["_id": .string("d\(number)"), "price": 1, "text": text]], step: number)
            }
            let lists: [(FullSyncTransaction, JSONObject)] = [
                (.allDocs, ["startKey": "d"]), (.getView, ["design": "shop", "view": "byPrice"]),
            ]
            for (transaction, variables) in lists {
                #expect(try await run.call(transaction, variables)["rows"]?.arrayValue?.count == 13)
            }
            // It cannot be read, and must not have to be.
            try await run.store.client.execute(
                """
                UPDATE bodies SET attachments = '[1]' WHERE document = (SELECT number FROM documents WHERE id = 'd112')
                """
            )
            for (transaction, variables) in lists {
                #expect(try await run.failure(transaction, variables.merging(["includeDocs": true])) == "limit")
            }
        }
    }

    // MARK: - Purges

    @Test func `tombstones that came after a purge are not taken by its repetition`() async throws {
        try await TestRun.with { run in
            let purge: JSONObject = ["allTombstones": true]
            let first = try await run.call(.purgeDatabase, purge, step: 2)
            // More than one commit takes away.
            try await post(run, (0..<500).map { ["_id": .string("d\($0)"), "_deleted": true] }, step: 3)
            let count = try await run.call(.databaseInfo)["doc_del_count"]
            #expect(count == 500)
            #expect(try await run.next().call(.purgeDatabase, purge, step: 2) == first)
            #expect(try await run.call(.databaseInfo)["doc_del_count"] == count)
        }
    }

    @Test func `revisions are purged by name, tombstones all at once, and the answer is kept`() async throws {
        try await TestRun.with { run in
            try await fill(run)
            let rev = try #require(try await run.call(.getDocument, ["id": "p1"])["_rev"])
            let purge: JSONObject = ["revisions": ["p1": [rev], "none": ["1-a"]]]
            let answer = try await run.call(.purgeDatabase, purge, step: 2)
            #expect(answer == ["total_purged": 1, "purged": ["p1": [rev], "none": []]])
            for (place, id) in ["p2", "p3"].enumerated() {
                _ = try await run.call(.deleteDocument, ["id": .string(id)], step: 10 + place)
            }
            let all = try await run.call(.purgeDatabase, ["allTombstones": true], step: 3)
            #expect(all == ["total_purged": 2])
            #expect(try await run.call(.databaseInfo)["doc_del_count"] == 0)
            let next = try await run.next()
            #expect(try await next.call(.purgeDatabase, purge, step: 2) == answer)
            #expect(try await run.failure(.purgeDatabase, [:], step: 4) == "invalid_value")
            #expect(try await run.failure(.purgeDatabase, ["revisions": ["p4": "x"]], step: 5) == "invalid_value")
        }
    }
}
