import NIOCore
import NIOHTTP1

/// Views over 100,000 documents: the first build, the query after changes, a reduce over a million rows, ranges.
struct ViewsCase: BenchCase {
    static let name = "views"

    /// How many rows the reduced view has for each document.
    private static let rowsOfDocument = 10
    /// In how many groups they are.
    private static let groups = 100
    private static let connections = 16

    func measure(_ stage: BenchStage) async throws -> [BenchLine] {
        let documents = BenchDocuments(count: stage.scaled(100_000))
        let database = try await stage.database("views", documents, on: stage.servers)
        return [
            try await build(stage, database, documents), try await update(stage, database, documents),
            try await reduce(stage, database, documents), try await reduceRange(stage, database, documents),
            try await ranges(stage, database, documents),
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
        let measurements = Counter()
        let changes = stage.scaled(1_000)
        let times = try await stage.medians("query after \(changes) changes", on: stage.servers) { server in
            let number = await measurements.next()
            let members = (1...changes).map { #"{"_id":"more-\#(number)-\#($0)","n":\#(-$0),"type":"more"}"# }
            let body = ByteBuffer(string: "{\"docs\":[\(members.joined(separator: ","))]}")
            try await server.administrator.ask(.POST, "/\(database)/_bulk_docs", body)
            let round = (number - 1) / stage.servers.count + 1
            return try await ContinuousClock().measure {
                let answer = try await server.administrator.get("/\(database)/_design/update/_view/v?limit=10")
                try Self.check(answer, server, has: "\"total_rows\":\(documents.count + round * changes),")
            }
        }
        return .ratio("view after \(changes) changes", times, atLeast: 2)
    }

    private func reduce(_ stage: BenchStage, _ database: String, _ documents: BenchDocuments) async throws -> BenchLine
    {
        for server in stage.servers {
            try await Self.put("reduce", map: Self.grouped(""), reduce: "_sum", in: database, on: server)
            stage.progress("\(server.name): building the view that is reduced")
            _ = try await server.administrator.get("/\(database)/_design/reduce/_view/v?group_level=1")
        }
        let times = try await stage.medians("reduce", on: stage.servers) { server in
            try await Self.reduced("reduce", "group_level=1", groups: Self.groups, in: database, on: server)
        }
        return .ratio("group_level=1 of \(documents.count * Self.rowsOfDocument) rows", times, atLeast: 1)
    }

    /// A tenth of the groups, in that view and in one that has no other rows.
    private func reduceRange(
        _ stage: BenchStage,
        _ database: String,
        _ documents: BenchDocuments
    ) async throws -> BenchLine {
        let wanted = Self.groups / 10
        let only = "if (doc.n % \(Self.groups) >= \(wanted)) return;"
        try await Self.put("few", map: Self.grouped(only), reduce: "_sum", in: database, on: stage.own)
        let range = "group_level=1&startkey=[0]&endkey=[\(wanted - 1),{}]"
        var times: (many: [Duration], few: [Duration]) = ([], [])
        // The first answer of each is that of a view which is being made.
        for round in 0...stage.rounds * 4 {
            let many = try await Self.reduced("reduce", range, groups: wanted, in: database, on: stage.own)
            let few = try await Self.reduced("few", range, groups: wanted, in: database, on: stage.own)
            guard round > 0 else { continue }
            times.many.append(many)
            times.few.append(few)
        }
        let (many, few) = (Figures(times.many).median, Figures(times.few).median)
        return BenchLine(
            title: "a tenth of the groups, among others and alone",
            own: "\(many.short), \(few.short)",
            result: "\((many / few).short) ×",
            target: "≤ 1.25 ×",
            isMet: many / few <= 1.25
        )
    }

    /// A map whose rows are in groups.
    private static func grouped(_ condition: String) -> String {
        """
        function (doc) {
            if (doc.type !== 'bench') return;
            \(condition)
            for (var i = 0; i < \(rowsOfDocument); i++) emit([doc.n % \(groups), doc.n, i], 1);
        }
        """
    }

    /// How long an answer with that many groups takes, on average of a few.
    private static func reduced(
        _ design: String,
        _ query: String,
        groups: Int,
        in database: String,
        on server: BenchServer
    ) async throws -> Duration {
        let count = 5
        let time = try await ContinuousClock().measure {
            for _ in 0..<count {
                let answer = try await server.administrator.get("/\(database)/_design/\(design)/_view/v?\(query)")
                guard answer.count(of: "\"key\":[") == groups else {
                    throw DemoFailure("\(server.name) has not \(groups) groups")
                }
            }
        }
        return time / count
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
                    guard answer.count(of: "\"key\":") == min(100, documents.count) else {
                        throw DemoFailure("\(server.name) has not the rows from \(start) on")
                    }
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
