import CouchProtocol
import JSON
import TestSupport
import Testing
import ViewCases

@testable import FullSyncClient

/// Views on the device: the server's answers, kept up to date change by change.
@Suite struct DeviceViewTests {
    private let database: FullSyncDatabase

    init() throws {
        let path = TestDirectory.make("views") + "/db.sqlite"
        database = FullSyncDatabase(name: "db", replica: try SQLiteReplica(path: path))
    }

    private func put(_ id: String, _ body: JSONObject) async throws {
        var document = body
        document["_id"] = .string(id)
        try await database.post(document, policy: .override)
    }

    private func design(_ map: String, reduce: String? = nil, options: JSONObject = [:]) async throws {
        var view: JSONObject = ["map": .string(map)]
        view["reduce"] = reduce.map { .string($0) }
        try await put("_design/x", ["views": ["v": .object(view)], "options": .object(options)])
    }

    private func rows(_ query: ViewQuery = ViewQuery()) async throws -> [String] {
        try await database.view("x", "v", query).rows.map { "\($0.key.text)=\($0.value.text)@\($0.id ?? "")" }
    }

    private func call(_ query: String) async throws -> JSONValue {
        var (view, parameters) = ViewCases.parameters(query)
        (parameters["ddoc"], parameters["view"]) = ("x", .string(view))
        return try await LocalCall(database: database, parameters: LocalParameters(parameters)).run(.view)
    }

    @Test func `queries have the server's answers`() async throws {
        for (id, body) in try ViewCases.documents() { try await put(id, body) }
        try await put("_design/x", ViewCases.design)
        // What takes the rows as they are finds the view made.
        _ = try await call("map?limit=0")
        for (query, expected) in ViewCases.queries {
            #expect(ViewCases.line(try await call(query)) == expected, "\(query)")
        }
        // Without HTTP a key is no text that must be parsed, and limits are read by the call.
        for (query, _, name, reason) in ViewCases.refusals where reason != nil {
            let error = await #expect(throws: (any Error).self, "\(query)") { try await call(query) }
            let told = error as? FullSyncError ?? (error as? CouchError).map { FullSyncError($0) }
            #expect(told?.error == name && told?.reason == reason, "\(query)")
        }
    }

    @Test func `rows follow what is written, changed and deleted`() async throws {
        try await put("a", ["n": 2])
        try await put("b", ["n": 1])
        try await design("function (doc) { emit(doc.n, doc._id); if ('m' in doc) emit(doc.m, null); }")
        #expect(try await rows() == [#"1="b"@b"#, #"2="a"@a"#])
        try await put("a", ["n": 3, "m": 0])
        try await put("c", ["n": 1])
        var old = ViewQuery()
        old.freshness = .asItIs
        #expect(try await rows(old) == [#"1="b"@b"#, #"2="a"@a"#])
        #expect(try await rows() == ["0=null@a", #"1="b"@b"#, #"1="c"@c"#, #"3="a"@a"#])
        try await database.delete("b")
        #expect(try await rows() == ["0=null@a", #"1="c"@c"#, #"3="a"@a"#])
        #expect(try await database.view("x", "v").totalRows == 3)
        #expect(try await database.view("x", "v").rows[1].value(as: String.self) == "c")
        try await design("function (doc) { emit(null, 1) }", reduce: "_sum")
        #expect(try await database.view("x", "v").rows.map(\.value) == [2])
    }

    @Test func `a library, local_seq, include_design and the raw order are seen`() async throws {
        try await put("a", ["k": "b"])
        try await put("_design/d", [:])
        let lib: JSONValue = ["m": "exports.f = function (n) { return n * 2 }"]
        let map: JSONValue = ["map": "function (doc) { emit(doc._id, require('views/lib/m').f(doc._local_seq)) }"]
        let options: JSONValue = ["local_seq": true, "include_design": true, "collation": "raw"]
        try await put("_design/x", ["views": ["lib": lib, "v": map], "options": options])
        #expect(
            try await rows() == [#""_design/d"=4@_design/d"#, #""_design/x"=6@_design/x"#, #""a"=2@a"#]
        )
    }

    @Test func `rows bring their documents, and those that they link to`() async throws {
        try await put("target", ["n": 1])
        try await put("a", ["to": "target"])
        try await put("b", ["to": "none"])
        try await put("c", ["to": nil])
        try await design("function (doc) { if ('to' in doc) emit(doc._id, doc.to ? {_id: doc.to} : 1) }")
        var query = ViewQuery()
        query.includesDocuments = true
        let documents = try await database.view("x", "v", query).rows.map { $0.document?["_id"]?.stringValue }
        #expect(documents == ["target", nil, "c"])
    }

    @Test func `a function that fails with a document leaves the others, and one without an end is named`() async throws
    {
        for place in 0..<10 { try await put("d\(place)", place == 4 ? ["bad": true] : ["n": 1]) }
        try await design("function (doc) { if (doc.bad) throw 'no'; emit(doc.n, 1) }", reduce: "_count")
        #expect(try await database.view("x", "v").rows.map(\.value) == [9])
        try await design("not a function")
        await #expect(throws: FullSyncError.self) { try await database.view("x", "v") }
        try await design("function (doc) { emit(1, 'x') }", reduce: "_stats")
        await #expect(throws: FullSyncError.self) { try await database.view("x", "v") }
        await #expect(throws: FullSyncError.self) { try await database.view("x", "other") }
    }

    @Test func `many queries at once build a view once`() async throws {
        try await database.bulk((0..<2_000).map { ["_id": .string("d\($0)"), "n": .number(JSONNumber($0))] })
        try await design("function (doc) { emit(doc.n % 7, doc.n) }", reduce: "_sum")
        try await withThrowingTaskGroup(of: JSONValue?.self) { group in
            for _ in 0..<8 { group.addTask { [database] in try await database.view("x", "v").rows.first?.value } }
            for try await sum in group { #expect(sum == 1_999_000) }
        }
    }

    /// Random edits, and after each few of them a query against what a look at every document says.
    @Test(arguments: [1, 2, 3] as [UInt64]) func `a view is what its function makes of all documents`(
        seed: UInt64
    ) async throws {
        var random = SeededGenerator(seed: seed)
        var model: [String: Int] = [:]
        try await design(
            "function (doc) { for (var i = 0; i < doc.n % 3; i++) emit([doc.n % 5, i], doc.n) }",
            reduce: "_sum"
        )
        for _ in 0..<30 {
            for _ in 0..<Int.random(in: 1...20, using: &random) {
                let id = "d\(Int.random(in: 0..<40, using: &random))"
                if model[id] != nil, Int.random(in: 0..<4, using: &random) == 0 {
                    try await database.delete(id)
                    model[id] = nil
                } else {
                    let number = Int.random(in: 0..<100, using: &random)
                    try await put(id, ["n": .number(JSONNumber(number))])
                    model[id] = number
                }
            }
            var rows: [(first: Int, second: Int, id: String, value: Int)] = []
            for (id, number) in model {
                for place in 0..<(number % 3) { rows.append((number % 5, place, id, number)) }
            }
            rows.sort { ($0.first, $0.second, $0.id) < ($1.first, $1.second, $1.id) }
            var query = ViewQuery()
            query.isReduced = false
            let expected = rows.map { "[\($0.first),\($0.second)]=\($0.value)@\($0.id)" }
            #expect(try await self.rows(query) == expected)
            query = ViewQuery()
            query.groupLevel = 1
            let sums = Dictionary(grouping: rows, by: \.first).mapValues { $0.reduce(0) { $0 + $1.value } }
            #expect(try await self.rows(query) == sums.keys.sorted().map { "[\($0)]=\(sums[$0] ?? 0)@" })
        }
    }

    @Test func `views whose design documents come at the same time do not remove each other's index`() async throws {
        try await put("a", ["n": 1])
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<40 {
                group.addTask {
                    let map = "function (doc) { emit(doc.n + \(number)) }"
                    try await put("_design/d\(number)", ["views": ["v": ["map": .string(map)]]])
                    for _ in 0..<3 {
                        let rows = try await database.view("d\(number)", "v").rows
                        #expect(rows.map(\.key) == [.number(JSONNumber(number + 1))])
                    }
                }
            }
            try await group.waitForAll()
        }
    }

    @Test func `a query may take the rows as they are and have them brought up to date behind it`() async throws {
        try await put("a", ["n": 1])
        try await design("function (doc) { emit(doc.n) }")
        #expect(try await rows().count == 1)
        try await put("b", ["n": 2])
        var query = ViewQuery()
        query.freshness = .updatedAfterwards
        #expect(try await rows(query).count == 1)
        query.freshness = .asItIs
        try await eventually("the rows are up to date") { try await rows(query).count == 2 }
    }

    @Test func `what a function keeps of one database's documents is not there for another's`() async throws {
        let path = TestDirectory.make("views") + "/db.sqlite"
        let other = FullSyncDatabase(name: "db", replica: try SQLiteReplica(path: path))
        let map = "function (doc) { this.kept = this.kept || doc.n; emit(this.kept, null); }"
        for (database, number) in [(database, 1), (other, 2)] as [(FullSyncDatabase, JSONValue)] {
            try await database.post(["_id": "a", "n": number])
            try await database.post(["_id": "_design/x", "views": ["v": ["map": .string(map)]]])
            #expect(try await database.view("x", "v").rows.map(\.key) == [number])
        }
    }
}
