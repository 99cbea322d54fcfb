import ControlStore
import Foundation
import JSON
import Logging
import Projects
import Telemetry

/// Where cookies are between the calls of a session.
protocol CookieStore: Sendable {
    /// The cookies that a call's session has of its connector's back end.
    func jar(of call: HTTPCaller.Call) async -> CookieJar
    /// Keeps those that came.
    func keep(_ received: [CookieJar.Received], of call: HTTPCaller.Call) async
}

/// In PostgreSQL, because each call of a session may reach another process.
///
/// A back end without its cookies is asked as by a stranger, and says so: that the database does not answer is no
/// reason not to ask.
struct KeptCookies: CookieStore {
    let control: ControlStore
    let logger: Logger

    func jar(of call: HTTPCaller.Call) async -> CookieJar {
        guard call.connector.keepsCookies, let session = call.session else { return CookieJar() }
        do {
            let (project, connector) = (call.name.project, call.name.connector)
            let stored = try await control.cookies(of: session, project: project, connector: connector)
            return stored.map { CookieJar($0) } ?? CookieJar()
        } catch {
            logger.warning("Cookies could not be read", error: error)
            return CookieJar()
        }
    }

    func keep(_ received: [CookieJar.Received], of call: HTTPCaller.Call) async {
        guard !received.isEmpty, let session = call.session else { return }
        do {
            try await control.changeCookies(
                of: session,
                project: call.name.project,
                connector: call.name.connector
            ) { stored in
                var jar = stored.map { CookieJar($0) } ?? CookieJar()
                for cookie in received { jar.take(cookie, at: .now) }
                return jar.json
            }
        } catch {
            logger.warning("Cookies could not be kept", error: error)
        }
    }
}
