import ControlStore
import CouchProtocol
import Foundation
import Hummingbird
import JSON

/// `/_fullsync/sessions`: who is logged in, and ending that (administrators).
struct SessionsResource: Sendable {
    let control: ControlStore
    let changes: AccessChanges

    func list(_ exchange: Exchange) async throws -> Response {
        guard exchange.isRead else { throw exchange.methodNotAllowed("GET", "HEAD") }
        try exchange.requireAdministrator()
        let after = try exchange.query["after"].map { text in
            guard let id = UUID(uuidString: text) else {
                throw CouchError.queryParseError("'after' is no session's id")
            }
            return id
        }
        let limit = try exchange.pageLimit()
        let sessions = try await control.sessions(of: exchange.query["user"], after: after, limit: limit)
        var answer: JSONObject = ["sessions": .array(sessions.map(Self.describe))]
        if sessions.count == limit, let last = sessions.last { answer["next"] = .string(Self.text(last.id)) }
        return .json(.object(answer))
    }

    func end(_ exchange: Exchange, _ id: String) async throws -> Response {
        guard exchange.method == .delete else { throw exchange.methodNotAllowed("DELETE") }
        try exchange.requireAdministrator()
        guard let id = UUID(uuidString: id), try await control.endSession(id: id) else {
            throw CouchError.notFound("There is no such session.")
        }
        await changes.announce()
        return .ok()
    }

    func endAll(_ exchange: Exchange, of user: String) async throws -> Response {
        guard exchange.method == .delete else { throw exchange.methodNotAllowed("DELETE") }
        try exchange.requireAdministrator()
        let count = try await control.endSessions(of: user)
        if count > 0 { await changes.announce() }
        return .json(["ok": true, "ended": .number(JSONNumber(count))])
    }

    private static func describe(_ listed: ListedSession) -> JSONValue {
        [
            "id": .string(text(listed.id)), "user": .string(listed.session.user),
            "administrator": .bool(listed.session.isAdministrator),
            "created": .string(listed.session.created.ISO8601Format()),
            "expires": .string(listed.session.expires.ISO8601Format()),
            "address": listed.origin.address.map(JSONValue.string) ?? .null,
            "userAgent": listed.origin.userAgent.map(JSONValue.string) ?? .null,
        ]
    }

    private static func text(_ id: UUID) -> String { id.uuidString.lowercased() }
}
