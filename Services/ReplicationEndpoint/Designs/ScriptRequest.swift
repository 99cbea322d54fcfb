import CouchProtocol
import DesignFunctions
import DocumentStore
import Foundation
import HTTPTypes
import Hummingbird
import JSON

/// A request as filter and update functions get it: CouchDB's request object (`chttpd_external:json_req_obj/3`).
///
/// As there, credentials are not among the headers. Of what a database tells of itself, its name and its last number
/// are here: to count a user's documents for each request would cost more than to answer it.
struct ScriptRequest: Sendable {
    let store: DocumentStore
    let exchange: Exchange
    let database: Database
    /// The document that the path names; nil when it names none.
    var document: String?
    /// The body as text; nil for a request that has none.
    var body: String?

    /// The object as JSON.
    func json() async throws -> [UInt8] {
        let caller = exchange.caller
        let path = JSONValue.array(pathSegments.map(JSONValue.string))
        let security = try JSONValue(parsing: try await store.security(of: database), limits: .unlimited)
        let object: JSONObject = [
            "info": [
                "db_name": .string(database.name),
                "update_seq": database.token(FeedPosition(try await lastPlace(for: caller))).sequence.json,
            ],
            "uuid": .string(DocumentID.random().text),
            "id": document.map(JSONValue.string) ?? .null,
            "method": .string(exchange.method.rawValue),
            "requested_path": path,
            "path": path,
            "raw_path": .string(exchange.request.uri.string),
            "query": .object(Self.query(exchange.query)),
            "headers": .object(headers),
            // What CouchDB says of a body that is not there.
            "body": .string(body ?? "undefined"),
            "peer": .string(exchange.client.addressText ?? ""),
            "form": .object(form),
            "cookie": [:],
            "userCtx": UserContext(caller, in: database).json,
            "secObj": security,
        ]
        return JSONValue.object(object).bytes
    }

    private func lastPlace(for caller: Caller) async throws -> Int {
        guard caller.feeds == nil else { return try await store.lastPlace(in: database, for: caller) }
        return try await store.info(database).updateSeq
    }

    private var pathSegments: [String] {
        exchange.request.uri.path.split(separator: "/").map { $0.removingPercentEncoding ?? String($0) }
    }

    /// The parameters; those that are JSON in a query of a view are so here.
    static func query(_ query: Query) -> JSONObject {
        JSONObject(
            query.parameters.map { name, value in
                let isJSON = ["startkey", "endkey", "key", "descending"].contains(name)
                let parsed = isJSON ? try? JSONValue(parsing: value) : nil
                return (name, parsed ?? .string(value))
            }
        )
    }

    private static let credentials: Set<String> = [
        "authorization", "cookie", "proxy-authorization", "x-auth-couchdb-token",
    ]

    private var headers: JSONObject {
        var headers: JSONObject = [:]
        if let host = exchange.request.head.authority { headers["Host"] = .string(host) }
        for field in exchange.request.headers where !Self.credentials.contains(field.name.canonicalName) {
            headers[Self.headline(field.name.canonicalName)] = .string(field.value)
        }
        return headers
    }

    /// A header's name as CouchDB writes it: each word with a capital letter.
    static func headline(_ name: String) -> String {
        name.split(separator: "-", omittingEmptySubsequences: false)
            .map { $0.prefix(1).uppercased() + $0.dropFirst() }
            .joined(separator: "-")
    }

    private var form: JSONObject {
        let type = exchange.request.headers[.contentType]?.prefix { $0 != ";" }
        guard type == "application/x-www-form-urlencoded", exchange.method == .post || exchange.method == .put else {
            return [:]
        }
        return JSONObject(Query(body).parameters.map { ($0.name, .string($0.value)) })
    }
}
