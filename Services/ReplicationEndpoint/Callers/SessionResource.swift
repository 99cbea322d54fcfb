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
    /// How long a session lasts.
    let duration: Duration
    /// Whether the cookie is for TLS only.
    let isSecure: Bool

    func respond(to exchange: Exchange) async throws -> Response {
        switch exchange.method {
        case .get, .head: describe(exchange.principal)
        case .post: try await begin(exchange)
        case .delete: try await end(exchange.principal)
        default: throw exchange.methodNotAllowed("DELETE", "GET", "HEAD", "POST")
        }
    }

    private func describe(_ principal: Principal) -> Response {
        var info: JSONObject = ["authentication_handlers": ["cookie", "default"]]
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
        let authenticated = try await login.authenticate(name: name, password: password)
        let token = try await control.beginSession(
            Session(
                user: authenticated.user,
                isAdministrator: authenticated.isAdministrator,
                expires: Date(timeIntervalSinceNow: duration.seconds)
            )
        )
        // A new session each time, so that a token that somebody planted is never the one that is logged in.
        if let old = exchange.principal.token { try await control.endSession(token: old) }
        authenticator.forget()
        let principal = try await authenticator.principal(token: token)
        var response = Response.json([
            "ok": true, "name": .string(authenticated.user),
            "roles": .array(principal.roles.map(JSONValue.string)),
        ])
        response.setCookie(cookie(token, maxAge: Int(duration.seconds)))
        return response
    }

    private func end(_ principal: Principal) async throws -> Response {
        if let token = principal.token {
            try await control.endSession(token: token)
            authenticator.forget()
        }
        var response = Response.ok()
        response.setCookie(cookie("", maxAge: 0))
        return response
    }

    private func cookie(_ token: String, maxAge: Int) -> Cookie {
        Cookie(
            name: Authenticator.cookieName,
            value: token,
            maxAge: maxAge,
            path: "/",
            secure: isSecure,
            httpOnly: true,
            sameSite: .lax
        )
    }

    /// The name and the password of a JSON or form body.
    private func credentials(_ exchange: Exchange) async throws -> (name: String, password: String) {
        let name: String?
        let password: String?
        if exchange.request.headers[.contentType]?.hasPrefix("application/x-www-form-urlencoded") == true {
            let form = Query(String(decoding: try await exchange.body(), as: UTF8.self))
            (name, password) = (form["name"] ?? form["username"], form["password"])
        } else {
            let object = try await exchange.object()
            (name, password) = (
                (object["name"] ?? object["username"])?.stringValue, object["password"]?.stringValue
            )
        }
        guard let name, let password else { throw CouchError.badRequest("request body must contain a username") }
        return (name, password)
    }
}
