package import CouchProtocol
import JSON

/// Decides about writes as design documents say: which of these may be stored, and what their `validate_doc_update`
/// lets pass.
package protocol WriteValidator: Sendable {
    /// Why a design document cannot be stored; nil when it can.
    func refusal(ofDesign write: DesignWrite) async -> CouchError?

    /// The validation functions of a database; nil when it has none.
    ///
    /// - Parameter designs: Its design documents.
    func functions(of designs: [StoredRevision]) -> (any ValidationFunctions)?
}

/// The validation functions of a database at a time.
package protocol ValidationFunctions: Sendable {
    /// Why each of the writes is refused; nil for one that every function lets pass.
    ///
    /// - Parameters:
    ///   - writes: Of one caller.
    ///   - user: Who writes, as functions are told.
    ///   - security: The JSON text of the database's security object.
    func refusals(of writes: [DocumentWrite], by user: UserContext, security: [UInt8]) async -> [CouchError?]
}

/// A design document that is to be stored.
package struct DesignWrite: Sendable {
    package let id: DocumentID
    /// The text of a JSON object, without special members.
    package let body: [UInt8]
    /// Whether the revision was made elsewhere.
    package let isReplicated: Bool
}

/// A write as validation functions see it, as JSON texts.
package struct DocumentWrite: Sendable {
    package let document: [UInt8]
    /// The document that it replaces; nil when there is none.
    package let previous: [UInt8]?

    package init(_ document: [UInt8], _ previous: [UInt8]?) {
        self.document = document
        self.previous = previous
    }
}

/// Who writes or asks, as the functions of design documents are told: CouchDB's `userCtx`.
package struct UserContext: Sendable, Hashable {
    package let database: String
    package let name: String?
    /// `_admin` for administrators; the groups of a user.
    package let roles: [String]

    package init(database: String, name: String?, roles: [String]) {
        self.database = database
        self.name = name
        self.roles = roles
    }

    /// A sequence sees and changes everything, as an administrator does, for the user whom it runs for.
    package init(_ caller: Caller, in database: Database) {
        self.database = database.name
        switch caller {
        case .administrator(let name): (self.name, roles) = (name, ["_admin"])
        case .user(let name, let groups): (self.name, roles) = (name, groups.sortedTexts)
        case .anonymous: (self.name, roles) = (nil, [])
        case .sequence(let user, _): (self.name, roles) = (user, ["_admin"])
        }
    }
}
