import ControlStore
import CouchProtocol
import DocumentStore
import Foundation
import Hummingbird
import JSON
import Telemetry

/// `/_fullsync/users`: the built-in user directory (administrators), and a user's groups.
struct UsersResource: Sendable {
    let control: ControlStore
    let store: DocumentStore
    let directory: Directory
    let login: Login
    let changes: AccessChanges

    func list(_ exchange: Exchange) async throws -> Response {
        guard exchange.isRead else { throw exchange.methodNotAllowed("GET", "HEAD") }
        try exchange.requireAdministrator()
        let limit = try exchange.pageLimit()
        let users = try await control.directoryUsers(after: exchange.query["after"], limit: limit)
        var answer: JSONObject = ["users": .array(users.map { .object(Self.describe($0)) })]
        if users.count == limit, let last = users.last { answer["next"] = .string(last.name) }
        return .json(.object(answer))
    }

    func respond(to exchange: Exchange, _ name: String) async throws -> Response {
        try exchange.requireAdministrator()
        switch exchange.method {
        case .get, .head:
            guard UserName.isUsable(name) else { throw Self.missing }
            guard let user = try await control.directoryUser(name)?.user else { throw Self.missing }
            var answer = Self.describe(user)
            answer["groups"] = .array(try await store.groups(of: name).sortedTexts.map(JSONValue.string))
            return .json(.object(answer))
        case .put: return try await put(exchange, name)
        case .delete:
            guard try await control.deleteDirectoryUser(name) else { throw Self.missing }
            // What other sources say of a user of that name is theirs to take back.
            if try await store.setGroups([], of: name, by: .administrator) { try await control.advanceAccessEpoch() }
            await changes.announce()
            return .ok()
        default: throw exchange.methodNotAllowed("DELETE", "GET", "HEAD", "PUT")
        }
    }

    func groups(_ exchange: Exchange, of name: String) async throws -> Response {
        guard exchange.method == .get || exchange.method == .head else {
            throw exchange.methodNotAllowed("GET", "HEAD")
        }
        if !exchange.principal.isNamed(name) { try exchange.requireAdministrator() }
        let groups = try await store.groups(of: name).sortedTexts
        return .json(["user": .string(name), "groups": .array(groups.map(JSONValue.string))])
    }

    private func put(_ exchange: Exchange, _ name: String) async throws -> Response {
        try UserName.check(name, "user")
        // Basic ends the name with one; CouchDB says the same of its users. Those that are there log in by other ways.
        if name.contains(":"), try await control.directoryGeneration(of: name) == nil {
            throw CouchError.badRequest("Character `:` is not allowed in usernames.")
        }
        guard !login.isAdministrator(name) else {
            throw CouchError.forbidden("The administrator's name and password are settings of the server.")
        }
        let request = try DirectoryUserRequest(
            try await exchange.smallObject(),
            groupLimit: exchange.limits.userGroups
        )
        var isNew = false
        if let password = request.password {
            isNew = try await control.setDirectoryPassword(try await directory.hash(password), of: name)
        } else if try await control.directoryGeneration(of: name) == nil {
            throw CouchError.badRequest("A new user needs a 'password'.")
        }
        if let groups = request.groups, try await store.setGroups(groups, of: name, by: .administrator) {
            try await control.advanceAccessEpoch()
        }
        await changes.announce()
        let groups = try await store.groups(of: name).sortedTexts
        return .json(
            ["ok": true, "name": .string(name), "groups": .array(groups.map(JSONValue.string))],
            status: isNew ? .created : .ok
        )
    }

    private static func describe(_ user: DirectoryUser) -> JSONObject {
        [
            "name": .string(user.name), "created": .string(user.created.ISO8601Format()),
            "changed": .string(user.changed.ISO8601Format()),
        ]
    }

    private static let missing = CouchError.notFound("The directory has no such user.")
}

/// What a `PUT` of a user says.
struct DirectoryUserRequest: Sendable {
    /// Nil when it stays as it is.
    let password: String?
    /// Nil when they stay as they are.
    let groups: Set<ExactText>?

    /// - Parameter groupLimit: How many groups there may be.
    init(_ object: JSONObject, groupLimit: Int) throws(CouchError) {
        for name in object.names where name != "password" && name != "groups" && name != "name" {
            throw .badRequest("A user has no '\(name)': only 'password' and 'groups' can be given.")
        }
        switch object["password"] {
        case nil: password = nil
        case .string(let text)?:
            guard 1...Password.longest ~= text.utf8.count else {
                throw .badRequest("A password has 1 to \(Password.longest) bytes.")
            }
            password = text
        case _?: throw .badRequest("The 'password' must be a string.")
        }
        switch object["groups"] {
        case nil: groups = nil
        case .array(let values)?:
            let names = values.compactMap(\.stringValue)
            guard names.count == values.count else { throw .badRequest("The 'groups' must be an array of strings.") }
            guard names.count <= groupLimit else {
                throw .badRequest("A user may be in \(groupLimit) groups at most.")
            }
            for name in names { try UserName.check(name, "group") }
            groups = Set(names.map { ExactText($0) })
        case _?: throw .badRequest("The 'groups' must be an array of strings.")
        }
    }
}
