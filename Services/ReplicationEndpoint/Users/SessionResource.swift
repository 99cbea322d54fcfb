import ControlStore
import CouchProtocol
import Foundation
import HTTPTypes
import Hummingbird
import JSON

/// `/_session`: log in, who am I, log out (contract, section 2.1).
struct SessionResource: Sendable {
    let login: Login
    let control: ControlStore
    let authenticator: Authenticator
    let changes: AccessChanges
    let lifetime: SessionLifetime

    func respond(to exchange: Exchange) async throws -> Response {
        switch exchange.method {
        case .get, .head: try describe(exchange)
        case .post: try await begin(exchange)
        case .delete: try await end(exchange)
        default: throw exchange.methodNotAllowed("DELETE", "GET", "HEAD", "POST")
        }
    }

    private func describe(_ exchange: Exchange) throws -> Response {
        let principal = exchange.principal
        if principal.name == nil, exchange.query["basic"] == "true" {
            throw CouchError.unauthorized("Please login.")
        }
        let handlers: JSONValue = authenticator.takesTokens ? ["cookie", "jwt", "default"] : ["cookie", "default"]
        var info: JSONObject = ["authentication_handlers": handlers]
        if let authenticated = principal.authenticated { info["authenticated"] = .string(authenticated) }
        return .json([
            "ok": true,
            "userCtx": [
                "name": principal.name.map(JSONValue.string) ?? .null,
                "roles": .array(principal.roles.map(JSONValue.string)),
            ],
            "info": .object(info),
        ])
    }

    private func begin(_ exchange: Exchange) async throws -> Response {
        let (name, password) = try await credentials(exchange)
        let authenticated = try await login.authenticate(name: name, password: password, from: exchange.client)
        let session = lifetime.session(of: authenticated)
        let token = try await control.beginSession(
            session,
            from: SessionOrigin(
                address: exchange.client.addressText,
                userAgent: exchange.request.headers[.userAgent]
            ),
            generation: authenticated.generation,
            preparedBy: authenticated.login,
            replacing: exchange.principal.token
        )
        guard let token else { throw Login.refused }
        if exchange.principal.token != nil { await changes.announce() }
        // The login may have changed the user's groups.
        authenticator.forget()
        let principal = try await authenticator.principal(token: token)
        var response = Response.json([
            "ok": true, "name": .string(authenticated.user),
            "roles": .array(principal.roles.map(JSONValue.string)),
        ])
        response.setCookie(lifetime.cookie(token, until: session.expires, for: exchange.client))
        return response
    }

    private func end(_ exchange: Exchange) async throws -> Response {
        if let token = exchange.principal.token {
            try await control.endSession(token: token)
            await changes.announce()
        }
        var response = Response.ok()
        response.setCookie(lifetime.cookie("", until: .distantPast, for: exchange.client))
        return response
    }

    /// The name and the password of a JSON or form body.
    private func credentials(_ exchange: Exchange) async throws -> (name: String, password: String) {
        let type = exchange.request.headers[.contentType]?.prefix { $0 != ";" }.lowercased()
            .trimmingCharacters(in: .whitespaces)
        let members: [String: String]
        switch type {
        case "application/x-www-form-urlencoded":
            let form = Query(String(decoding: try await exchange.smallBody(), as: UTF8.self))
            members = ["name": form["name"], "username": form["username"], "password": form["password"]]
                .compactMapValues(\.self)
        case "application/json", nil:
            let object = try await exchange.smallObject()
            members = ["name": object["name"], "username": object["username"], "password": object["password"]]
                .compactMapValues { $0?.stringValue }
        default:
            throw CouchError.badContentType(
                "Content-Type must be 'application/x-www-form-urlencoded' or 'application/json'"
            )
        }
        if let name = members["name"], let other = members["username"], name != other {
            throw CouchError.badRequest("request body contains different usernames")
        }
        guard let name = members["name"] ?? members["username"] else {
            throw CouchError.badRequest("request body must contain a username")
        }
        guard let password = members["password"] else {
            throw CouchError.badRequest("request body must contain a password")
        }
        return (name, password)
    }
}
