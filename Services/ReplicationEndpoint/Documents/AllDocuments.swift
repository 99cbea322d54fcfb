import CouchProtocol
import DocumentStore
import Hummingbird
import JSON
import NIOCore
import ViewIndexes

/// `/<database>/_all_docs` and `_design_docs`, and their `/queries`: the documents that the caller may read, by id.
struct AllDocuments: Sendable {
    let store: DocumentStore

    func respond(to exchange: Exchange, onlyDesigns: Bool, in database: Database) async throws -> Response {
        let query = try await Self.query(exchange)
        let rows = rows(query, exchange, onlyDesigns, database)
        let head = try await rows.head()
        return .streamed { writer in
            try await rows.write(head, to: &writer)
            try await writer.write(ByteBuffer(string: "\n"))
        }
    }

    /// `POST …/queries`: several lists in one answer.
    func respondToQueries(_ exchange: Exchange, onlyDesigns: Bool, in database: Database) async throws -> Response {
        guard exchange.method == .post else { throw exchange.methodNotAllowed("POST") }
        let queries = try await Self.queries(exchange)
        for query in queries { try query.check() }
        let lists = queries.map { rows($0, exchange, onlyDesigns, database) }
        return .streamed { writer in
            try await writer.write(ByteBuffer(string: "{\"results\":["))
            for (index, rows) in lists.enumerated() {
                try await writer.write(ByteBuffer(string: index > 0 ? ",\r\n" : "\r\n"))
                try await rows.write(try await rows.head(), to: &writer)
            }
            try await writer.write(ByteBuffer(string: "\r\n]}\n"))
        }
    }

    /// What a list is asked with GET, or with POST and a body.
    static func query(_ exchange: Exchange) async throws -> DocumentListQuery {
        let query = try await list(exchange)
        try query.check()
        return query
    }

    /// What a list or a view is asked with GET, or with POST and a body, not yet checked for its kind.
    static func list(_ exchange: Exchange, refusingQueries: Bool = false) async throws -> DocumentListQuery {
        let query: DocumentListQuery
        switch exchange.method {
        case .get, .head: query = try DocumentListQuery(exchange.query)
        case .post:
            try exchange.requireJSON()
            let body = try await exchange.object()
            guard !refusingQueries || body["queries"] == nil else {
                throw CouchError.badRequest("The `queries` parameter is no longer supported at this endpoint")
            }
            if let keys = body["keys"], keys.arrayValue == nil {
                throw CouchError.badRequest("`keys` body member must be an array.")
            }
            query = try DocumentListQuery(body: body, exchange.query)
        default: throw exchange.methodNotAllowed("GET", "HEAD", "POST")
        }
        try check(query, exchange.limits)
        return query
    }

    /// The queries of a body, each with those of the address under it, not yet checked for their kind.
    static func queries(_ exchange: Exchange) async throws -> [DocumentListQuery] {
        guard let list = try await exchange.object()["queries"] else {
            throw CouchError.badRequest("POST body must include `queries` parameter.")
        }
        guard let members = list.arrayValue?.map(\.objectValue), !members.contains(where: { $0 == nil }) else {
            throw CouchError.badRequest("`queries` must be an array of objects.")
        }
        guard members.count <= exchange.limits.queries else {
            throw CouchError.badRequest("`queries` has more than \(exchange.limits.queries) queries.")
        }
        let base = try DocumentListQuery(exchange.query)
        return try members.compactMap(\.self).map { members in
            let query = try base.with(members)
            try check(query, exchange.limits)
            return query
        }
    }

    private static func check(_ query: DocumentListQuery, _ limits: EndpointLimits) throws(CouchError) {
        guard query.keys?.count ?? 0 <= limits.keys else {
            throw .badRequest("`keys` has more than \(limits.keys) keys.")
        }
    }

    private func rows(
        _ query: DocumentListQuery,
        _ exchange: Exchange,
        _ onlyDesigns: Bool,
        _ database: Database
    ) -> DocumentRows {
        DocumentRows(
            store: store,
            database: database,
            caller: exchange.caller,
            query: query,
            onlyDesigns: onlyDesigns
        )
    }
}
