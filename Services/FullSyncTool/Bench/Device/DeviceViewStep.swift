import Foundation
import FullSyncClient
import JSON

/// What an application asks of its local database besides single documents: views, reductions, and an index.
struct DeviceViewStep: Sendable {
    let count: Int

    func measure(_ database: FullSyncDatabase) async throws -> DeviceFigures {
        let map = JSONValue.string("function (doc) { emit(doc.n % 100, doc.n) }")
        let own = JSONValue.string("function (keys, values) { return sum(values) }")
        try await database.post(["_id": "_design/x", "views": ["v": ["map": map, "reduce": "_sum"]]])
        try await database.post(["_id": "_design/y", "views": ["v": ["map": map, "reduce": own]]])
        var query = ViewQuery(key: 7)
        query.isReduced = false
        query.limit = 10
        let clock = ContinuousClock()
        var durations: [String: Duration] = [:]
        durations["build"] = try await clock.measure { [query] in _ = try await database.view("x", "v", query) }
        durations["followed"] = try await edits(of: database) { [query] in _ = try await database.view("x", "v", query)
        }
        durations["sum"] = try await clock.measure { _ = try await database.view("x", "v") }
        durations["sum again"] = try await edits(of: database) { _ = try await database.view("x", "v") }
        query.isReduced = false
        _ = try await database.view("y", "v", query)
        durations["own"] = try await clock.measure { _ = try await database.view("y", "v") }
        durations["own again"] = try await edits(of: database) { _ = try await database.view("y", "v") }
        var groups = ViewQuery()
        groups.groups = true
        _ = try await database.view("y", "v", groups)
        durations["own groups"] = try await edits(of: database) { [groups] in
            _ = try await database.view("y", "v", groups)
        }
        durations["index"] = try await clock.measure {
            try await database.createIndex(["n"])
            _ = try await database.find(["selector": ["n": 7]])
        }
        durations["find"] = try await DeviceFigures.median(of: 200) { number in
            let selector: JSONValue = ["n": .number(JSONNumber(number * 7 % count))]
            _ = try await database.find(["selector": selector])
        }
        return DeviceFigures(durations)
    }

    /// How long an edit takes with a query that sees it.
    private func edits(of database: FullSyncDatabase, _ query: () async throws -> Void) async throws -> Duration {
        try await DeviceFigures.median(of: 200) { number in
            let id = JSONValue.string(BenchDocuments.id(number * 7 % count))
            try await database.post(["_id": id, "n": .number(JSONNumber(number * 11 % count))], policy: .merge)
            try await query()
        }
    }
}
