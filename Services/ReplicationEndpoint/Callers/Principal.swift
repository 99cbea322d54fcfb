import ControlStore
import DocumentStore
import Foundation
import JSON

/// Who sent a request.
struct Principal: Sendable {
    /// What a caller was recognised by, and what that still stands on later.
    enum Evidence: Sendable {
        /// Nothing: nobody in particular.
        case none
        /// The cookie with the token of a session.
        case session(token: String, Session)
        /// A name and a password, which the built-in directory knew by this number, where it knew them. Nobody says
        /// when a password changes elsewhere, so they count no longer than a session would; an administrator's do.
        case password(generation: Int64?, until: Date?)
        /// A bearer token.
        case token(TokenClaims)
    }

    /// Nil for a caller without credentials.
    let name: String?
    let isAdministrator: Bool
    let groups: Set<ExactText>
    let evidence: Evidence

    static let anonymous = Principal(name: nil, isAdministrator: false, groups: [], evidence: .none)

    /// The token of the session's cookie; nil for those who came without one.
    var token: String? {
        guard case .session(let token, _) = evidence else { return nil }
        return token
    }

    /// The session of those who came with its cookie.
    var session: Session? {
        guard case .session(_, let session) = evidence else { return nil }
        return session
    }

    /// How the caller was recognised, as `GET /_session` says: `cookie`, `default` or `jwt`.
    var authenticated: String? {
        switch evidence {
        case .none: nil
        case .session: "cookie"
        case .password: "default"
        case .token: "jwt"
        }
    }

    /// When the right to be heard ends by itself; nil when it does not.
    var expires: Date? {
        switch evidence {
        case .none: nil
        case .password(_, let until): until
        case .session(_, let session): session.expires
        case .token(let claims): Date(timeIntervalSince1970: claims.expires)
        }
    }

    /// The caller, as the document store decides rights.
    var caller: Caller {
        guard let name else { return .anonymous }
        return isAdministrator ? .administrator(name: name) : .user(name: name, groups: groups)
    }

    /// The roles that `GET /_session` tells, as CouchDB names them.
    var roles: [String] { isAdministrator ? ["_admin"] : groups.sortedTexts }

    /// Whether that is the caller's own name, to the byte.
    func isNamed(_ name: String) -> Bool {
        self.name.map { $0.utf8.elementsEqual(name.utf8) } ?? false
    }
}
