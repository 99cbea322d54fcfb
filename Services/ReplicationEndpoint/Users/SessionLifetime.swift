import ControlStore
import Foundation
import Hummingbird
import Telemetry

/// How long sessions last, and the cookie that stands for one.
struct SessionLifetime: Sendable {
    /// How long a session lasts after its login; when it slides, after its last use.
    let duration: Duration
    /// Whether a session that is used goes on.
    let slides: Bool
    /// How long a session lasts at most, however much it is used.
    let longest: Duration
    /// Whether the cookie is for TLS only in any case, and not only where the client is known to speak TLS.
    let isSecure: Bool

    /// How much of its time a session must have used up before it is made longer: as CouchDB does it.
    private static let usedUp = 0.1

    func session(of authenticated: Login.Authenticated) -> Session {
        let now = Date()
        return Session(
            user: authenticated.user,
            isAdministrator: authenticated.isAdministrator,
            created: now,
            expires: now.addingTimeInterval(duration.seconds)
        )
    }

    /// Until when a session that is used now lasts; nil when that is not later, or not by enough to write it down.
    func prolongation(of session: Session, at now: Date = Date()) -> Date? {
        guard slides, session.expires > now else { return nil }
        let latest = session.created.addingTimeInterval(max(longest, duration).seconds)
        let expires = min(now.addingTimeInterval(duration.seconds), latest)
        let gain = expires.timeIntervalSince(session.expires)
        return gain > duration.seconds * Self.usedUp ? expires : nil
    }

    /// The cookie with that token, or the one that takes it away when its time is over.
    func cookie(_ token: String, until expires: Date, for client: ClientConnection) -> Cookie {
        Cookie(
            name: Authenticator.cookieName,
            value: token,
            maxAge: max(0, Int(expires.timeIntervalSinceNow.rounded())),
            path: "/",
            secure: isSecure || client.isSecure,
            httpOnly: true,
            sameSite: .lax
        )
    }
}
