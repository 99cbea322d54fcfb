import Collation
import CouchProtocol
import DocumentStore
import Hummingbird
import JSON
import Mango
import ViewIndexes

/// `/<database>/_find` and `_explain`: the documents that a selector wants, among those that the caller may read.
struct FindResource: Sendable {
    let indexes: ViewIndexes
    let catalogue: QueryCatalogue

    func find(_ exchange: Exchange, in database: Database) async throws -> Response {
        let began = ContinuousClock.now
        let request = try await request(exchange)
        let caller = exchange.caller
        // Nobody waits for an index while he keeps a connection that building it may need.
        let response = try await indexes.store.keepingConnection {
            try await answer(request, database, caller, began, waits: false)
        }
        if let response { return response }
        guard let response = try await answer(request, database, caller, began, waits: true) else {
            throw CouchError.unavailable("the index could not be brought up to date")
        }
        return response
    }

    /// The answer; nil when an index is behind and that is not waited for.
    private func answer(
        _ request: FindRequest,
        _ database: Database,
        _ caller: Caller,
        _ began: ContinuousClock.Instant,
        waits: Bool
    ) async throws -> Response? {
        let plan = try await planner(request, database, caller).plan()
        let run = try await FindRun(request, plan, indexes: indexes, in: database, for: caller, waits: waits)
        guard let run else { return nil }
        return try await FindAnswer(request: request, plan: plan, run: run, began: began).response()
    }

    func explain(_ exchange: Exchange, in database: Database) async throws -> Response {
        let planner = try await planner(try await request(exchange), database, exchange.caller)
        return .json(try planner.plan(for: .explanation).explanation(database: database.name))
    }

    private func request(_ exchange: Exchange) async throws -> FindRequest {
        guard exchange.method == .post else { throw exchange.methodNotAllowed("POST") }
        try exchange.requireJSON()
        return try FindRequest(parsing: try await exchange.mangoBody())
    }

    private func planner(_ request: FindRequest, _ database: Database, _ caller: Caller) async throws -> FindPlanner {
        let indexes = try await catalogue.indexes(in: database, for: caller)
        return FindPlanner(request, indexes: indexes, collation: .unicode)
    }
}

extension Exchange {
    /// The body of a request to Mango.
    func mangoBody() async throws -> JSONObject {
        let bytes = try await requiredBody(limit: limits.findBody)
        let value = try JSONValue(received: bytes, in: bytes.indices, limits: limits.json)
        guard let object = value.objectValue else {
            throw CouchError.badRequest("Request body must be a JSON object")
        }
        return object
    }
}
