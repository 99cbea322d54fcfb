import CouchProtocol
import JSON

/// What the query of a request for a document says, read as `chttpd_db:parse_doc_query/2` of CouchDB reads it: a flag
/// counts when it is `true`, and what is not understood is passed over.
struct DocumentQuery: Sendable {
    enum OpenRevisions: Sendable, Hashable {
        case all
        case revisions([RevisionID])
    }

    var rev: RevisionID?
    var openRevisions: OpenRevisions?
    var latest = false
    /// Whether a tombstone is given out where no revision is named.
    var deleted = false
    var revs = false
    var revsInfo = false
    var localSeq = false
    var conflicts = false
    var deletedConflicts = false
    /// Whether a write gets a new revision; otherwise it is one that was made elsewhere.
    var newEdits = true

    /// - Parameter revisionLimit: How many revisions it may name.
    init(_ query: Query, revisionLimit: Int = EndpointLimits().revisions) throws(CouchError) {
        func flag(_ name: String) -> Bool { query[name] == "true" }
        let meta = flag("meta")
        latest = flag("latest")
        deleted = flag("deleted")
        revs = flag("revs")
        revsInfo = meta || flag("revs_info")
        localSeq = flag("local_seq")
        conflicts = meta || flag("conflicts")
        deletedConflicts = meta || flag("deleted_conflicts")
        newEdits = query["new_edits"] != "false"
        if let text = query["rev"] { rev = try RevisionID(parsing: text) }
        switch query["open_revs"] {
        case nil: break
        case "all": openRevisions = .all
        case let text?:
            let list = try Self.revisions(text, limit: revisionLimit)
            // An empty list asks for nothing, and is taken as if it were not there.
            if !list.isEmpty { openRevisions = .revisions(list) }
        }
    }

    /// The revisions of a JSON array.
    static func revisions(_ text: String, limit: Int) throws(CouchError) -> [RevisionID] {
        let bytes = Array(text.utf8)
        return try revisions(JSONValue(received: bytes, in: bytes.indices, limits: JSONLimits()), limit: limit)
    }

    /// The revisions that a JSON array names.
    static func revisions(_ value: JSONValue, limit: Int) throws(CouchError) -> [RevisionID] {
        guard let list = value.arrayValue else { throw .badRequest("Invalid list of revisions") }
        guard list.count <= limit else {
            throw .badRequest("A list names more than \(limit) revisions.")
        }
        var revisions: [RevisionID] = []
        for element in list {
            guard let text = element.stringValue else { throw .invalidRevision }
            revisions.append(try RevisionID(parsing: text))
        }
        return revisions
    }
}
