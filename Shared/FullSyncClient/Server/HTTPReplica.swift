import AsyncHTTPClient
package import CouchProtocol
import JSON
import NIOCore

/// A database behind CouchDB's HTTP API: of this house's endpoint, or of CouchDB itself.
package struct HTTPReplica: Replica {
    /// How many bytes of documents are sent in one request; more are sent one after the other.
    static let requestSize = 8 << 20

    let session: HTTPSession
    /// The database's name.
    package let database: String
    /// How the database calls the tags of its documents.
    let rules: DocumentRules

    /// A database of a server.
    package init(session: HTTPSession, database: String, rules: DocumentRules = DocumentRules()) {
        self.session = session
        self.database = database
        // What a server has is taken as it is; its own limits were asked when it was written.
        var rules = rules
        rules.bodyLimit = 1 << 30
        rules.json.depth = JSONLimits.deepest
        self.rules = rules
    }

    /// The path of the database, or of something in it.
    func path(_ segments: String...) -> String {
        "/" + ([PercentEncoding.encode(database)] + segments).joined(separator: "/")
    }

    package var identity: String { "\(session.address.base)/\(database)" }

    /// Makes the database.
    ///
    /// - Parameter shards: CouchDB's `q`; nil for the server's choice.
    package func create(shards: Int? = nil) async throws {
        let query = shards.map { [(name: "q", value: String($0))] } ?? []
        _ = try await session.json(HTTPSession.Request(method: "PUT", path: path(), query: query))
    }

    /// Deletes the database with all that is in it.
    package func destroy() async throws {
        _ = try await session.json(HTTPSession.Request(method: "DELETE", path: path()))
    }

    package func info() async throws -> ReplicaInfo {
        let answer = try await session.json(HTTPSession.Request(path: path()))
        guard let sequence = answer["update_seq"].flatMap({ UpdateSequence(json: $0) }) else {
            throw TransportError("the server's description of the database has no update_seq")
        }
        return ReplicaInfo(
            documentCount: answer["doc_count"]?.intValue ?? 0,
            deletedCount: answer["doc_del_count"]?.intValue ?? 0,
            updateSequence: sequence,
            incarnation: answer["instance_start_time"]?.stringValue
        )
    }

    package func revisionsDifference(_ revisions: [DocumentRevisions]) async throws -> [MissingRevisions] {
        guard !revisions.isEmpty else { return [] }
        var asked = JSONObject()
        for document in revisions {
            asked[document.id.text] = .array(document.revisions.map { .string($0.description) })
        }
        let answer = try await session.json(
            HTTPSession.Request(method: "POST", path: path("_revs_diff"), body: JSONValue.object(asked).bytes)
        )
        return try (answer.objectValue ?? [:]).map { id, difference in
            MissingRevisions(
                id: DocumentID(stored: id),
                missing: try Self.revisions(difference["missing"]),
                possibleAncestors: try Self.revisions(difference["possible_ancestors"])
            )
        }
    }

    private static func revisions(_ value: JSONValue?) throws -> [RevisionID] {
        try (value?.arrayValue ?? []).map { try RevisionID(parsing: $0.stringValue ?? "") }
    }

    package func localDocument(_ name: String) async throws -> LocalDocument? {
        do {
            let request = HTTPSession.Request(path: path("_local", PercentEncoding.encode(name)))
            var body = try await session.json(request).objectValue ?? [:]
            let revision = body["_rev"]?.stringValue
            body["_id"] = nil
            body["_rev"] = nil
            return LocalDocument(revision: revision, body: body)
        } catch let error as CouchError where error.error == "not_found" {
            // A database that is not there is another matter than a document that is not there.
            guard error != .noDatabase else { throw error }
            return nil
        }
    }

    package func putLocalDocument(_ name: String, _ document: LocalDocument) async throws -> String {
        var body = document.body
        body["_rev"] = document.revision.map { .string($0) }
        let answer = try await session.json(
            HTTPSession.Request(
                method: "PUT",
                path: path("_local", PercentEncoding.encode(name)),
                body: JSONValue.object(body).bytes
            )
        )
        guard let revision = answer["rev"]?.stringValue else {
            throw TransportError("the server's answer to a local document has no rev")
        }
        return revision
    }
}
