import CouchProtocol
import DocumentStore
import Hummingbird
import JSON

/// `/_fullsync/groups`: who is in which group (administrators), for users of any directory.
struct GroupsResource: Sendable {
    let store: DocumentStore
    let changes: AccessChanges

    func list(_ exchange: Exchange) async throws -> Response {
        guard exchange.isRead else { throw exchange.methodNotAllowed("GET", "HEAD") }
        try exchange.requireAdministrator()
        let names = try await store.groupNames()
        return .json(["groups": .array(names.map(JSONValue.string))])
    }

    func members(_ exchange: Exchange, of group: String) async throws -> Response {
        guard exchange.isRead else { throw exchange.methodNotAllowed("GET", "HEAD") }
        try exchange.requireAdministrator()
        let members = try await store.members(of: group)
        return .json(["group": .string(group), "members": .array(members.map(JSONValue.string))])
    }

    /// Joining and leaving: both succeed however often they are asked for.
    func member(_ exchange: Exchange, _ user: String, of group: String) async throws -> Response {
        try exchange.requireAdministrator()
        try UserName.check(user, "user")
        try UserName.check(group, "group")
        switch exchange.method {
        case .put:
            let isNew = try await store.addMember(user, to: group, by: .administrator)
            if isNew { try await changes.tell() }
            return .ok(isNew ? .created : .ok)
        case .delete:
            if try await store.removeMember(user, from: group, by: .administrator) { try await changes.tell() }
            return .ok()
        default: throw exchange.methodNotAllowed("DELETE", "PUT")
        }
    }
}
