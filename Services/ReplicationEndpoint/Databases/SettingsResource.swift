import CouchProtocol
import DocumentStore
import Hummingbird
import JSON

/// `/_fullsync/databases/<database>`: what is set of a database (contract, section 2.5); administrators only.
struct SettingsResource: Sendable {
    let store: DocumentStore
    let changes: AccessChanges

    func respond(to exchange: Exchange, _ name: String) async throws -> Response {
        try exchange.requireAdministrator()
        switch exchange.method {
        case .get, .head: return .json(try await store.database(name).settings.json)
        case .put:
            let present = try await store.database(name).settings
            guard let members = try await exchange.requiredJSON().objectValue else {
                throw CouchError.badRequest("Request body must be a JSON object")
            }
            let settings = try present.merging(members)
            try await store.configureDatabase(name, settings)
            if settings.anonymousRead != present.anonymousRead { try await changes.tell() }
            return .ok()
        default: throw exchange.methodNotAllowed("GET", "PUT")
        }
    }
}

extension DatabaseSettings {
    /// The settings as JSON.
    var json: JSONValue {
        [
            "anonymous": anonymousRead ? "read" : "deny", "publicWrites": publicWrites ? "allow" : "deny",
            "ownerMember": .string(ownerMember), "groupsMember": .string(groupsMember),
            "revisionLimit": .number(JSONNumber(revisionLimit)),
        ]
    }

    /// These settings with those that the members say; what is not mentioned stays.
    func merging(_ members: JSONObject) throws(CouchError) -> DatabaseSettings {
        var settings = self
        for (name, value) in members {
            switch name {
            case "anonymous": settings.anonymousRead = try Self.choice(value, of: name, no: "deny", yes: "read")
            case "publicWrites": settings.publicWrites = try Self.choice(value, of: name, no: "deny", yes: "allow")
            case "ownerMember": settings.ownerMember = try Self.text(value, of: name)
            case "groupsMember": settings.groupsMember = try Self.text(value, of: name)
            case "revisionLimit":
                guard let limit = value.intValue else { throw .badRequest("'\(name)' must be a whole number.") }
                settings.revisionLimit = limit
            default: throw .badRequest("A database has no setting '\(name)'.")
            }
        }
        return settings
    }

    private static func choice(
        _ value: JSONValue,
        of name: String,
        no: String,
        yes: String
    ) throws(CouchError) -> Bool {
        switch value.stringValue {
        case no: return false
        case yes: return true
        default: throw .badRequest("'\(name)' must be \"\(no)\" or \"\(yes)\".")
        }
    }

    private static func text(_ value: JSONValue, of name: String) throws(CouchError) -> String {
        guard let text = value.stringValue else { throw .badRequest("'\(name)' must be a string.") }
        return text
    }
}
