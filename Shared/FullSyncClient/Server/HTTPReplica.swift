import AsyncHTTPClient
package import CouchProtocol
import JSON
import NIOCore
import Synchronization

/// A database behind CouchDB's HTTP API: of this house's endpoint, or of CouchDB itself.
package struct HTTPReplica: Replica {
    /// How many bytes of documents are sent in one request; more are sent one after the other.
    static let requestSize = 8 << 20

    let session: HTTPSession
    /// The database's name.
    package let database: String
    /// How the database calls the tags of its documents: as it said last.
    private let tags: Tags
    private let asker: HTTPSession.Asker
    /// What the server fails with when it is written to.
    private(set) var troubles = Troubles(.writing)
    /// What it fails with when it is read from.
    private(set) var readingTroubles = Troubles(.reading)
    /// What it fails with when contents of attachments are read by themselves.
    private(set) var contentTroubles = Troubles(.contents)
    /// How many bytes a document may have, as JSON with its attachments, that is taken from the server.
    var documentLimit = 256 << 20

    /// A database of a server, which is asked as whoever is logged in.
    package init(session: HTTPSession, database: String, rules: DocumentRules = DocumentRules()) {
        self.init(session: session, database: database, rules: rules, asker: .anyone)
    }

    init(session: HTTPSession, database: String, rules: DocumentRules, asker: HTTPSession.Asker) {
        self.session = session
        self.database = database
        self.asker = asker
        tags = Tags(rules.tagNames)
    }

    /// The database, with what it fails with remembered beside a device's.
    func remembering(in device: SQLiteReplica) -> HTTPReplica {
        var replica = self
        replica.troubles = device.troubles(.writing, with: identity)
        replica.readingTroubles = device.troubles(.reading, with: identity)
        replica.contentTroubles = device.troubles(.contents, with: identity)
        return replica
    }

    /// How the database calls the tags of its documents.
    private final class Tags: Sendable {
        let names: Mutex<TagNames>

        init(_ names: TagNames) { self.names = Mutex(names) }
    }

    /// Rules without limits: what a server has is taken as it is, as its own limits were asked when it was written.
    var rules: DocumentRules {
        var rules = DocumentRules.unlimited
        rules.tagNames = tags.names.withLock { $0 }
        return rules
    }

    func answer(to request: HTTPSession.Request) async throws -> HTTPClientResponse {
        try await session.send(own(request))
    }

    func json(_ request: HTTPSession.Request) async throws -> JSONValue {
        try await session.json(own(request))
    }

    private func own(_ request: HTTPSession.Request) -> HTTPSession.Request {
        var request = request
        request.asker = asker
        return request
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
        _ = try await json(HTTPSession.Request(method: "PUT", path: path(), query: query))
    }

    /// Deletes the database with all that is in it.
    package func destroy() async throws {
        _ = try await json(HTTPSession.Request(method: "DELETE", path: path()))
    }

    package func info() async throws -> ReplicaInfo {
        let answer = try await json(HTTPSession.Request(path: path()))
        guard let sequence = answer["update_seq"].flatMap({ UpdateSequence(json: $0) }) else {
            throw TransportError("the server's description of the database has no update_seq")
        }
        let names = TagNames(
            owner: answer["tag_names"]?["owner"]?.stringValue ?? TagNames().owner,
            groups: answer["tag_names"]?["groups"]?.stringValue ?? TagNames().groups
        )
        tags.names.withLock { $0 = names }
        return ReplicaInfo(
            documentCount: answer["doc_count"]?.countValue ?? 0,
            deletedCount: answer["doc_del_count"]?.countValue ?? 0,
            updateSequence: sequence,
            incarnation: Self.incarnation(answer["instance_start_time"]?.stringValue, sequence),
            tagNames: names
        )
    }

    /// What changes when the database is made anew, or put back to an earlier state.
    private static func incarnation(_ start: String?, _ sequence: UpdateSequence) -> String? {
        let parts = [start, sequence.incarnation].compactMap(\.self)
        return parts.isEmpty ? nil : parts.joined(separator: "-")
    }

    package func revisionsDifference(_ revisions: [DocumentRevisions]) async throws -> [MissingRevisions] {
        guard !revisions.isEmpty else { return [] }
        var asked = JSONObject()
        for document in revisions {
            asked[document.id.text] = .array(document.revisions.map { .string($0.description) })
        }
        let answer = try await json(
            HTTPSession.Request(method: "POST", path: path("_revs_diff"), body: .json(JSONValue.object(asked).bytes))
        )
        return try await HTTPSession.reading {
            guard let differences = answer.objectValue else {
                throw TransportError("an answer of _revs_diff without ids")
            }
            return try differences.map { id, difference in
                guard let missing = difference["missing"] else {
                    throw TransportError("an answer of _revs_diff that says nothing of a document")
                }
                return MissingRevisions(
                    id: DocumentID(stored: id),
                    missing: try Self.revisions(missing),
                    possibleAncestors: try Self.revisions(difference["possible_ancestors"] ?? [])
                )
            }
        }
    }

    private static func revisions(_ value: JSONValue) throws -> [RevisionID] {
        guard let texts = value.arrayValue else { throw TransportError("revisions that are no list") }
        return try texts.map { try RevisionID(parsing: $0.stringValue ?? "") }
    }

    package func localDocument(_ name: String) async throws -> LocalDocument? {
        do {
            let request = HTTPSession.Request(path: path("_local", PercentEncoding.encode(name)))
            var body = try await json(request).objectValue ?? [:]
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
        let answer = try await json(
            HTTPSession.Request(
                method: "PUT",
                path: path("_local", PercentEncoding.encode(name)),
                body: .json(JSONValue.object(body).bytes)
            )
        )
        guard let revision = answer["rev"]?.stringValue else {
            throw TransportError("the server's answer to a local document has no rev")
        }
        return revision
    }
}

extension DocumentRules {
    /// Rules for what another one has judged already.
    static let unlimited: DocumentRules = {
        var rules = DocumentRules()
        rules.bodyLimit = .max
        rules.valueLimit = .max
        rules.idLengthLimit = .max
        rules.groupLimit = .max
        rules.tagLengthLimit = .max
        rules.ancestryLimit = .max
        rules.attachmentLimit = .max
        rules.attachmentSizeLimit = .max
        rules.attachmentTotalLimit = .max
        rules.attachmentNameLimit = .max
        rules.json = .unlimited
        return rules
    }()
}
