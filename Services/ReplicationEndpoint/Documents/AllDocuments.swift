import CouchProtocol
import DocumentStore
import Hummingbird
import JSON

/// `/<database>/_all_docs`: the documents that the caller may read, by id.
struct AllDocuments: Sendable {
    let store: DocumentStore

    func respond(to exchange: Exchange, in database: Database) async throws -> Response {
        guard exchange.method == .get || exchange.method == .post else {
            throw exchange.methodNotAllowed("GET", "POST")
        }
        let includesBodies = try exchange.query.bool("include_docs")
        let keys = try await keys(exchange)
        let rows: [[UInt8]]
        if let keys {
            let requests = try keys.map { RevisionRequest(id: try DocumentID($0)) }
            let found = try await store.fetch(requests, from: database, for: exchange.caller)
            rows = requests.map { request in
                guard let revision = found[request] else {
                    return JSONValue.object(["key": .string(request.id.text), "error": "not_found"]).bytes
                }
                return Self.row(revision, includesBody: includesBodies, database)
            }
        } else {
            let range = try DocumentRange(exchange.query)
            let found = try await store.documents(in: range, of: database, for: exchange.caller)
            rows = found.map { Self.row($0, includesBody: includesBodies, database) }
        }
        var output = Array(#"{"total_rows":\#(rows.count),"offset":0,"rows":["#.utf8)
        output.append(contentsOf: rows.joined(separator: Array(",\n".utf8)))
        output.append(contentsOf: "]}".utf8)
        return .json(output)
    }

    private func keys(_ exchange: Exchange) async throws -> [String]? {
        let value: JSONValue?
        if exchange.method == .post {
            value = try await exchange.object()["keys"]
        } else {
            value = try exchange.query["keys"].map { text in
                do {
                    return try JSONValue(parsing: text)
                } catch {
                    throw CouchError.queryParseError("keys must be a JSON array")
                }
            }
        }
        guard let value else { return nil }
        guard let list = value.arrayValue, list.count <= exchange.limits.bulkGet else {
            throw CouchError.badRequest("`keys` member must be an array.")
        }
        return try list.map { key in
            guard let text = key.stringValue else { throw CouchError.badRequest("`keys` holds more than strings.") }
            return text
        }
    }

    private static func row(_ revision: StoredRevision, includesBody: Bool, _ database: Database) -> [UInt8] {
        var output = Array(#"{"id":"#.utf8)
        JSONValue.write(string: revision.id.text, to: &output)
        output.append(contentsOf: #","key":"#.utf8)
        JSONValue.write(string: revision.id.text, to: &output)
        output.append(contentsOf: #","value":{"rev":""#.utf8)
        revision.revision.write(to: &output)
        output.append(contentsOf: (revision.isDeleted ? #"","deleted":true}"# : #""}"#).utf8)
        if includesBody {
            output.append(contentsOf: #","doc":"#.utf8)
            if revision.isDeleted {
                output.append(contentsOf: "null".utf8)
            } else {
                OutgoingDocument(revision).write(to: &output, rules: database.documentRules)
            }
        }
        output.append(UInt8(ascii: "}"))
        return output
    }
}

extension DocumentRange {
    /// The range that the parameters of a query ask for.
    init(_ query: Query) throws {
        self.init()
        func id(_ name: String) throws -> String? {
            guard let text = query[name] else { return nil }
            guard let value = try? JSONValue(parsing: text).stringValue else {
                throw CouchError.queryParseError("\(name) must be a JSON string")
            }
            return value
        }
        let key = try id("key")
        first = try key ?? id("startkey") ?? id("start_key")
        last = try key ?? id("endkey") ?? id("end_key")
        includesLast = query["inclusive_end"] != "false"
        isDescending = try query.bool("descending")
        if let limit = try query.count("limit") { self.limit = min(limit, self.limit) }
        skip = try query.count("skip") ?? 0
    }
}
