import ControlStore
import CouchProtocol
import Foundation
import HTTPTypes
import Hummingbird

/// What is done with every request for the sake of who sent it, before and after its resource.
struct Callers: Sendable {
    let authenticator: Authenticator
    let control: ControlStore
    let origins: CrossOrigin
    let lifetime: SessionLifetime
    /// The proxies in front of this server.
    let proxies: [IPNetwork]

    func client(of request: Request, from context: EndpointContext) -> ClientConnection {
        ClientConnection(peer: context.peer, headers: request.headers, proxies: proxies)
    }

    /// Who sent the request; refuses what a page of another site sends with the cookie.
    ///
    /// What a database lets everybody read is less than what its users read. So a session that has ended is refused
    /// there: its client would take the answer for the user's, and what it lacks for what does not exist.
    func admit(_ request: Request, from client: ClientConnection, to resource: Resource) async throws -> Principal {
        let principal = try await authenticator.principal(
            of: request,
            from: client,
            needsSession: resource.isOfDatabase
        )
        try origins.check(request, principal, isSecure: client.isSecure, isLogin: resource == .session)
        return principal
    }

    /// Lets a session that slides end later, and tells its client so.
    func prolongSession(
        of principal: Principal,
        in response: inout Response,
        for client: ClientConnection
    ) async throws {
        guard case .session(let token, let session) = principal.evidence,
            let expires = lifetime.prolongation(of: session), response.headers[.setCookie] == nil
        else { return }
        try await control.extendSession(token: token, until: expires)
        response.setCookie(lifetime.cookie(token, until: expires, for: client))
    }

    /// The headers that every answer has.
    func finish(_ response: inout Response, to request: Request) {
        if response.status == .unauthorized, let challenge = request.headers[HTTPHeader.wishedChallenge] {
            response.headers[.wwwAuthenticate] = challenge
        }
        // What a browser is sent is what its type says, and no script because it looks like one.
        if response.headers[.xContentTypeOptions] == nil { response.headers[.xContentTypeOptions] = "nosniff" }
        origins.mark(&response, to: request)
    }
}
