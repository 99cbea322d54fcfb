import Compression
import CouchProtocol
import DocumentStore
import JSON
import Sequences

/// Shows documents to sequences: with revision, tags and attachments, and no more of them than a run takes.
struct DocumentPresenter {
    let store: DocumentStore
    let database: Database
    var history = History()
    /// Whether the contents of attachments come along, in Base64.
    var sendsContents = false
    private var left = FullSyncTransactions.answerLimit

    /// What of a document's history is told beside it, as CouchDB's parameters of those names want it.
    struct History {
        var revs = false
        var revsInfo = false
        var conflicts = false
        var deletedConflicts = false
        var localSeq = false

        init() {}

        init(_ variables: JSONObject) {
            func wants(_ name: String) -> Bool { variables[name]?.boolValue ?? false }
            revs = wants("revs")
            revsInfo = wants("revsInfo")
            conflicts = wants("conflicts")
            deletedConflicts = wants("deletedConflicts")
            localSeq = wants("localSeq")
        }
    }

    init(store: DocumentStore, database: Database) {
        self.store = store
        self.database = database
    }

    /// The document.
    ///
    /// - Parameter conflicts: The leaves beside it; nil for those that the revision itself knows of.
    /// - Throws: A failure with the code `limit` when it and those before it are too large together.
    mutating func json(_ revision: StoredRevision, conflicts: [RevisionID]? = nil) async throws -> JSONValue {
        var document = OutgoingDocument(revision)
        document.attachments = []
        if history.revs { document.revisions = revision.tree?.path(to: revision.revision) }
        if history.revsInfo { document.revisionsInfo = try await store.revisionsInfo(of: revision) }
        if history.conflicts { document.conflicts = conflicts ?? revision.tree?.conflicts ?? [] }
        if history.deletedConflicts { document.deletedConflicts = revision.tree?.deletedConflicts ?? [] }
        if history.localSeq { document.localSequence = .number(JSONNumber(revision.seq)) }
        var bytes: [UInt8] = []
        document.write(to: &bytes, rules: database.documentRules)
        try take(bytes.count)
        var members = try JSONValue(parsing: bytes, limits: .unlimited).objectValue ?? [:]
        if !revision.attachments.isEmpty { members["_attachments"] = try await attachments(revision) }
        return .object(members)
    }

    private mutating func attachments(_ revision: StoredRevision) async throws -> JSONValue {
        var members = JSONObject()
        for attachment in revision.attachments {
            var description: JSONObject = [
                "content_type": .string(attachment.contentType),
                "revpos": .number(JSONNumber(attachment.revisionPosition)),
                "digest": .string(attachment.content.digest),
            ]
            if sendsContents {
                description["data"] = .string(Base64.encode(try await content(of: attachment)))
            } else {
                description["length"] = .number(JSONNumber(attachment.length))
                description["stub"] = true
            }
            members[attachment.name] = .object(description)
        }
        return .object(members)
    }

    /// The whole content of an attachment, unpacked.
    mutating func content(of attachment: StoredAttachment) async throws -> [UInt8] {
        var reader = ContentReader(attachment.content, from: store)
        var bytes: [UInt8] = []
        guard attachment.encoding != nil else {
            while let piece = try await reader.next() {
                // Base64 makes four bytes of three.
                try take(piece.count / 3 * 4 + 4)
                bytes += piece
            }
            return bytes
        }
        do {
            let gunzip = try Gunzip()
            while let piece = try await reader.next() {
                gunzip.append(piece)
                while let unpacked = try gunzip.next() {
                    try take(unpacked.count / 3 * 4 + 4)
                    bytes += unpacked
                }
            }
            try gunzip.finish()
            return bytes
        } catch is GzipError {
            throw SequenceFailure(
                code: .invalidValue,
                message: "the attachment '\(attachment.name)' is not packed as its sender said"
            )
        }
    }

    /// Notes that so many bytes more are shown.
    mutating func take(_ bytes: Int) throws(SequenceFailure) {
        left -= bytes
        guard left >= 0 else {
            throw SequenceFailure(
                code: .limit,
                message: "the answer has more than \(FullSyncTransactions.answerLimit) bytes; ask for less at once"
            )
        }
    }
}
