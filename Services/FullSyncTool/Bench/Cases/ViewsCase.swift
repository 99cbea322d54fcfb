import NIOCore
import NIOHTTP1

/// Views over 100,000 documents: the first build, the query after changes, a reduce over a million rows, ranges.
struct ViewsCase: BenchCase {
    static let name = "views"

    /// How many rows the reduced view has for each document.
    private static let rowsOfDocument = 10
    private static let connections = 16

    func measure(_ stage: BenchStage) async throws -> [BenchLine] {
        let documents = BenchDocuments(count: stage.scaled(100_000))
        let database = try await stage.database("views", documents, on: stage.servers)
        return [
            try await build(stage, database, documents), try await update(stage, database, documents),
            try await reduce(stage, database, documents), try await ranges(stage, database, documents),
        ]
    }

    /// From the design document to the first answer; each round has a function that no round before had.
    private func build(_ stage: BenchStage, _ database: String, _ documents: BenchDocuments) async throws -> BenchLine {
        let round = Counter()
        let times = try await stage.medians("first build of a view", on: stage.servers) { server in
            let number = await round.next()
            let map = "function (doc) { if (doc.type === 'bench') emit(doc.n, \(number)) }"
            return try await ContinuousClock().measure {
                try await Self.put("build\(number)", map: map, reduce: nil, in: database, on: server)
                let answer = try await server.administrator.get("/\(database)/_design/build\(number)/_view/v?limit=1")
                try Self.check(answer, server, has: "\"total_rows\":\(documents.count)")
            }
        }
        return .ratio("first build of a view, \(documents.count) documents", times, atLeast: 4)
    }

    private func update(_ stage: BenchStage, _ database: String, _ documents: BenchDocuments) async throws -> BenchLine
    {
        let map = "function (doc) { emit(doc.n, null) }"
        for server in stage.servers {
            try await Self.put("update", map: map, reduce: nil, in: database, on: server)
            _ = try await server.administrator.get("/\(database)/_design/update/_view/v?limit=1")
        }
        let round = Counter()
        let changes = stage.scaled(1_000)
        let times = try await stage.medians("query after \(changes) changes", on: stage.servers) { server in
            let number = await round.next()
            var body = #"{"docs":["#
            for place in 0..<changes {
                body += "\(place > 0 ? "," : ""){\"_id\":\"more-\(number)-\(place)\",\"n\":\(-place),\"type\":\"more\"}"
            }
            try await server.administrator.ask(.POST, "/\(database)/_bulk_docs", ByteBuffer(string: body + "]}"))
            return try await ContinuousClock().measure {
                _ = try await server.administrator.get("/\(database)/_design/update/_view/v?limit=10")
            }
        }
        return .ratio("view after \(changes) changes", times, atLeast: 2)
    }

    private func reduce(_ stage: BenchStage, _ database: String, _ documents: BenchDocuments) async throws -> BenchLine
    {
        let map = """
            function (doc) {
                if (doc.type !== 'bench') return;
                for (var i = 0; i < \(Self.rowsOfDocument); i++) emit([doc.n % 100, doc.n, i], 1);
            }
            """
        for server in stage.servers {
            try await Self.put("reduce", map: map, reduce: "_sum", in: database, on: server)
            stage.progress("\(server.name): building the view that is reduced")
            _ = try await server.administrator.get("/\(database)/_design/reduce/_view/v?group_level=1")
        }
        let times = try await stage.medians("reduce", on: stage.servers) { server in
            try await ContinuousClock().measure {
                let answer = try await server.administrator.get("/\(database)/_design/reduce/_view/v?group_level=1")
                try Self.check(answer, server, has: "\"key\":[0]")
            }
        }
        return .ratio("group_level=1 of \(documents.count * Self.rowsOfDocument) rows", times, atLeast: 1)
    }

    private func ranges(_ stage: BenchStage, _ database: String, _ documents: BenchDocuments) async throws -> BenchLine
    {
        let count = stage.scaled(2_000)
        let starts = (0..<count).map { $0 * 7_919 % max(documents.count - 100, 1) }
        let times = try await stage.medians("ranges of 100 rows", on: stage.servers) { server in
            try await ContinuousClock().measure {
                try await inParallel(Self.connections, over: starts) { start in
                    let range = "startkey=\(start)&endkey=\(start + 99)"
                    let answer = try await server.administrator.get("/\(database)/_design/update/_view/v?\(range)")
                    guard answer.count(of: "\"key\":") > 0 else { throw DemoFailure("\(server.name) has no rows") }
                }
            }
        }
        let title = "range of 100 rows, \(Self.connections) connections"
        return .ratio(title, times, atLeast: 2) { $0.rate(count) }
    }

    // MARK: - Details

    private static func put(
        _ name: String,
        map: String,
        reduce: String?,
        in database: String,
        on server: BenchServer
    ) async throws {
        let lines = map.split(separator: "\n").joined(separator: " ")
        let reduce = reduce.map { ",\"reduce\":\"\($0)\"" } ?? ""
        let body = "{\"views\":{\"v\":{\"map\":\"\(lines)\"\(reduce)}}}"
        let answer = try await server.administrator.send(
            .PUT,
            "/\(database)/_design/\(name)",
            ByteBuffer(string: body)
        )
        // It is there already when the case is measured twice in one database.
        guard [201, 409].contains(answer.status) else {
            throw DemoFailure("\(server.name) refused a design document: \(answer.status)")
        }
    }

    private static func check(_ answer: ByteBuffer, _ server: BenchServer, has text: String) throws {
        guard String(buffer: answer).contains(text) else { throw DemoFailure("\(server.name) does not answer \(text)") }
    }
}

/// Counts rounds.
private actor Counter {
    private var value = 0

    func next() -> Int {
        value += 1
        return value
    }
}
