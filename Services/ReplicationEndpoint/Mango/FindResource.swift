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
        let (request, planner) = try await prepare(exchange, database)
        let plan = try planner.plan()
        let run = try await FindRun(request, plan, indexes: indexes, in: database, for: exchange.caller)
        return try await FindAnswer(request: request, plan: plan, run: run, began: began).response()
    }

    func explain(_ exchange: Exchange, in database: Database) async throws -> Response {
        let (_, planner) = try await prepare(exchange, database)
        return .json(try planner.plan(for: .explanation).explanation(database: database.name))
    }

    private func prepare(_ exchange: Exchange, _ database: Database) async throws -> (FindRequest, FindPlanner) {
        guard exchange.method == .post else { throw exchange.methodNotAllowed("POST") }
        try exchange.requireJSON()
        let request = try FindRequest(parsing: try await exchange.mangoBody())
        let indexes = try await catalogue.indexes(in: database, for: exchange.caller)
        return (request, FindPlanner(request, indexes: indexes, collation: .unicode))
    }
}

extension Exchange {
    /// How long a query or an index definition may be.
    private static let mangoLimit = 1 << 20

    /// The body of a request to Mango.
    func mangoBody() async throws -> JSONObject {
        let bytes = try await requiredBody()
        guard bytes.count <= Self.mangoLimit else { throw CouchError.tooLarge }
        let value = try JSONValue(received: bytes, in: bytes.indices, limits: limits.json)
        guard let object = value.objectValue else {
            throw CouchError.badRequest("Request body must be a JSON object")
        }
        return object
    }
}
