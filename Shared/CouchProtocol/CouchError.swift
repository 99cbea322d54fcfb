/// What CouchDB answers when a request cannot be carried out: a status and `{"error": …, "reason": …}`.
///
/// The one table of the house from an error to its answer, after `chttpd:error_info/1` of CouchDB 3.5: a client tells
/// errors apart by `error`, so the names are CouchDB's to the letter.
public struct CouchError: Error, Hashable, Sendable {
    /// The HTTP status.
    package let status: Int
    /// The name that programs look at.
    package let error: String
    /// The words for people.
    package let reason: String

    /// An error that is not in the table, such as one that another server answered.
    package init(status: Int, error: String, reason: String) {
        self.status = status
        self.error = error
        self.reason = reason
    }
}

extension CouchError: CustomStringConvertible {
    public var description: String { "\(status) \(error): \(reason)" }
}

// MARK: - What is not there

extension CouchError {
    /// There is no such document, or not that revision of it.
    package static let missing = CouchError(status: 404, error: "not_found", reason: "missing")

    /// The document is deleted.
    package static let deleted = CouchError(status: 404, error: "not_found", reason: "deleted")

    /// There is no such database.
    package static let noDatabase = CouchError(
        status: 404,
        error: "not_found",
        reason: "Database does not exist."
    )

    /// The document has no attachment of that name.
    package static let missingAttachment = CouchError(
        status: 404,
        error: "not_found",
        reason: "Document is missing attachment"
    )

    /// Something else is not there.
    package static func notFound(_ reason: String) -> CouchError {
        CouchError(status: 404, error: "not_found", reason: reason)
    }
}

// MARK: - What is not allowed

extension CouchError {
    /// The caller has not said who they are, or not convincingly.
    package static func unauthorized(_ reason: String) -> CouchError {
        CouchError(status: 401, error: "unauthorized", reason: reason)
    }

    /// The caller may not do that.
    package static func forbidden(_ reason: String) -> CouchError {
        CouchError(status: 403, error: "forbidden", reason: reason)
    }

    /// The resource has no such method; the reason lists those that it has.
    package static func methodNotAllowed(_ methods: [String]) -> CouchError {
        CouchError(
            status: 405,
            error: "method_not_allowed",
            reason: "Only \(methods.joined(separator: ",")) allowed"
        )
    }
}

// MARK: - What does not fit the present state

extension CouchError {
    /// The write names another revision than the present one.
    package static let conflict = CouchError(
        status: 409,
        error: "conflict",
        reason: "Document update conflict."
    )

    /// The database exists already.
    package static let databaseExists = CouchError(
        status: 412,
        error: "file_exists",
        reason: "The database could not be created, the file already exists."
    )

    /// An attachment is to be changed in a revision that is not there.
    package static let missingRevision = CouchError(status: 409, error: "not_found", reason: "missing_rev")

    /// A write refers to an attachment of the revision before, which does not have it.
    package static func missingStub(_ reason: String) -> CouchError {
        CouchError(status: 412, error: "missing_stub", reason: reason)
    }

    /// A condition of the request does not hold.
    package static func preconditionFailed(_ reason: String) -> CouchError {
        CouchError(status: 412, error: "precondition_failed", reason: reason)
    }
}

// MARK: - What is not understood

extension CouchError {
    /// The request makes no sense.
    package static func badRequest(_ reason: String) -> CouchError {
        CouchError(status: 400, error: "bad_request", reason: reason)
    }

    /// The body is no JSON.
    package static let invalidJSON = badRequest("invalid UTF-8 JSON")

    /// A document is no object.
    package static let documentNotObject = badRequest("Document must be a JSON object")

    /// A revision is not of the form `N-hash`.
    package static let invalidRevision = badRequest("Invalid rev format")

    /// A query parameter has a value that it cannot have.
    package static func queryParseError(_ reason: String) -> CouchError {
        CouchError(status: 400, error: "query_parse_error", reason: reason)
    }

    /// A member of a document that is CouchDB's has a wrong name or value.
    package static func documentValidation(_ reason: String) -> CouchError {
        CouchError(status: 400, error: "doc_validation", reason: reason)
    }

    /// A document may not have that id.
    package static func illegalDocumentID(_ reason: String) -> CouchError {
        CouchError(status: 400, error: "illegal_docid", reason: reason)
    }

    /// A database may not have that name.
    package static func illegalDatabaseName(_ name: String) -> CouchError {
        CouchError(
            status: 400,
            error: "illegal_database_name",
            reason: "Name: '\(name)'. Only lowercase characters (a-z), digits (0-9), and any of the characters "
                + "_, $, (, ), +, -, and / are allowed. Must begin with a letter."
        )
    }

    /// A part of a database's name is too long for a file's name.
    package static func databaseNameTooLong(_ name: String) -> CouchError {
        CouchError(
            status: 400,
            error: "database_name_too_long",
            reason: "At least one path segment of `\(name)` is too long."
        )
    }

    /// The body is of a type that the resource does not take.
    package static func badContentType(_ reason: String) -> CouchError {
        CouchError(status: 415, error: "bad_content_type", reason: reason)
    }

    /// The range of bytes is outside of the attachment.
    package static let rangeNotSatisfiable = CouchError(
        status: 416,
        error: "requested_range_not_satisfiable",
        reason: "Requested range not satisfiable"
    )

    /// The content of an attachment has another digest than the client says.
    package static let digestMismatch = CouchError(
        status: 400,
        error: "content_md5_mismatch",
        reason: "Possible message corruption."
    )
}

// MARK: - What is too much

extension CouchError {
    /// The body is larger than the limit.
    package static let tooLarge = CouchError(
        status: 413,
        error: "too_large",
        reason: "the request entity is too large"
    )

    /// A document is larger than the limit; the reason is its id, as in CouchDB.
    package static func documentTooLarge(_ id: String) -> CouchError {
        CouchError(status: 413, error: "document_too_large", reason: id)
    }

    /// An attachment is larger than the limit; the reason is its name, as in CouchDB.
    package static func attachmentTooLarge(_ name: String) -> CouchError {
        CouchError(status: 413, error: "attachment_too_large", reason: name)
    }

    /// The attachments of a document are more, or larger together, than the limit.
    package static func tooManyAttachments(_ reason: String) -> CouchError {
        CouchError(status: 413, error: "too_many_attachments", reason: reason)
    }

    /// A document has so many conflicting branches that no more are taken. (CouchDB has no such limit, and falls over.)
    package static func tooManyBranches(limit: Int) -> CouchError {
        CouchError(
            status: 413,
            error: "too_many_branches",
            reason: "The document has \(limit) branches, the most that are kept. Resolve its conflicts first."
        )
    }

    /// A revision is so far from the first that no client could count on from it.
    package static let generationTooGreat = CouchError(
        status: 400,
        error: "bad_request",
        reason: "The generation of the revision is greater than \(RevisionID.greatestWrittenGeneration)."
    )

    /// A request changes one document more often than is taken at once.
    package static func tooManyEdits(limit: Int) -> CouchError {
        CouchError(
            status: 413,
            error: "too_many_edits",
            reason: "The request changes the document more than \(limit) times. Send the rest in another one."
        )
    }

    /// The history of a document, with all its branches, is larger than the limit.
    package static func historyTooLarge(limit: Int) -> CouchError {
        CouchError(
            status: 413,
            error: "history_too_large",
            reason: "The document's history has more than \(limit) bytes. Resolve its conflicts first."
        )
    }

    /// The address is longer than the limit.
    package static let addressTooLong = CouchError(
        status: 414,
        error: "too_long",
        reason: "the request uri is too long"
    )

    /// The caller asks more often than is allowed.
    package static func tooManyRequests(_ reason: String) -> CouchError {
        CouchError(status: 429, error: "too_many_requests", reason: reason)
    }
}

// MARK: - What is wrong on the server's side

extension CouchError {
    /// An error of the server's own, of which a client learns nothing more.
    package static let internalError = CouchError(
        status: 500,
        error: "internal_server_error",
        reason: "An internal error occurred. See the server's log."
    )

    /// The server cannot answer at this time.
    package static func unavailable(_ reason: String) -> CouchError {
        CouchError(status: 503, error: "service unavailable", reason: reason)
    }

    /// The disk is full.
    package static func insufficientStorage(_ reason: String) -> CouchError {
        CouchError(status: 507, error: "insufficient_storage", reason: reason)
    }
}
