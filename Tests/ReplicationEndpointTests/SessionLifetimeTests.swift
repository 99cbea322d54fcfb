import ControlStore
import Foundation
import HTTPTypes
import Hummingbird
import Testing

@testable import ReplicationEndpoint

@Suite struct SessionLifetimeTests {
    private let begin = Date(timeIntervalSince1970: 1_800_000_000)

    private func lifetime(slides: Bool, longest: Duration = .seconds(1_000)) -> SessionLifetime {
        SessionLifetime(duration: .seconds(100), slides: slides, longest: longest, isSecure: false)
    }

    private func session(expires: Double) -> Session {
        Session(user: "u", isAdministrator: false, created: begin, expires: begin.addingTimeInterval(expires))
    }

    private func prolongation(_ lifetime: SessionLifetime, expires: Double, at time: Double) -> Double? {
        lifetime.prolongation(of: session(expires: expires), at: begin.addingTimeInterval(time))?
            .timeIntervalSince(begin)
    }

    @Test func `a fixed session ends when it was said to`() {
        #expect(prolongation(lifetime(slides: false), expires: 100, at: 99) == nil)
    }

    @Test func `a sliding session goes on while it is used, written down now and then, up to its longest`() {
        let lifetime = lifetime(slides: true)
        #expect(prolongation(lifetime, expires: 100, at: 5) == nil)
        #expect(prolongation(lifetime, expires: 100, at: 50) == 150)
        #expect(prolongation(lifetime, expires: 980, at: 950) == 1_000)
        #expect(prolongation(lifetime, expires: 1_000, at: 950) == nil)
        #expect(prolongation(lifetime, expires: 100, at: 101) == nil)
    }

    @Test func `the cookie lasts as long as the session and is for TLS where the client speaks it`() throws {
        let plain = ClientConnection(peer: "10.0.0.1", headers: [:], proxies: [])
        let proxy = try #require(IPNetwork("10.0.0.1"))
        let secure = ClientConnection(
            peer: "10.0.0.1",
            headers: [HTTPHeader.forwardedProto: "https"],
            proxies: [proxy]
        )
        let expires = Date(timeIntervalSinceNow: 10_000)
        let cookie = lifetime(slides: false).cookie("t", until: expires, for: plain)
        // Less by the time since.
        #expect(5_000...10_000 ~= cookie.maxAge ?? 0 && cookie.httpOnly && !cookie.secure && cookie.sameSite == .lax)
        #expect(lifetime(slides: false).cookie("t", until: expires, for: secure).secure)
        #expect(lifetime(slides: false).cookie("", until: .distantPast, for: plain).maxAge == 0)
    }
}
