import Foundation
import JSON
import Postgres
import TestSupport
import Testing

@testable import ControlStore

/// Sessions that every instance knows.
@Suite(.database) struct SessionTests {
    private func session(_ user: String, for seconds: Double = 60) -> Session {
        Session(user: user, isAdministrator: false, expires: Date(timeIntervalSinceNow: seconds))
    }

    @Test func `a token opens its session at every instance until it ends, and is not in the table`() async throws {
        let (one, two) = (try await TestControl.make(), try TestControl.connect())
        let token = try #require(try await one.control.beginSession(session("ann")))
        #expect(try await two.control.session(token: token)?.user == "ann")
        #expect(try await two.control.session(token: token + "x") == nil)
        let table = try await one.scalar("SELECT row_to_json(sessions)::text FROM sessions", as: String.self)
        #expect(!table.contains(token))
        let epoch = try await one.control.accessEpoch()
        try await two.control.endSession(token: token)
        #expect(try await one.control.session(token: token) == nil)
        #expect(try await one.control.accessEpoch() == epoch + 1)
        // What is not there cannot be ended, and wakes nobody.
        try await two.control.endSession(token: token)
        #expect(try await one.control.accessEpoch() == epoch + 1)
        await one.close()
        await two.close()
    }

    @Test func `a login from within a session ends that one`() async throws {
        let store = try await TestControl.make()
        let old = try #require(try await store.control.beginSession(session("ann")))
        let new = try #require(try await store.control.beginSession(session("bob"), replacing: old))
        #expect(try await store.control.session(token: old) == nil)
        #expect(try await store.control.session(token: new)?.user == "bob")
        await store.close()
    }

    @Test func `a session is over on time, may be made longer and never shorter, and goes when it is pruned`()
        async throws
    {
        let store = try await TestControl.make()
        let control = store.control
        let over = try #require(try await control.beginSession(session("ann", for: -1)))
        #expect(try await control.session(token: over) == nil)
        let token = try #require(try await control.beginSession(session("ann", for: 60)))
        let later = Date(timeIntervalSinceNow: 600)
        try await control.extendSession(token: token, until: later)
        try await control.extendSession(token: token, until: Date(timeIntervalSinceNow: 30))
        let expires = try #require(try await control.session(token: token)?.expires)
        #expect(abs(expires.timeIntervalSince(later)) < 0.01)
        // One that is over is not brought back.
        try await control.extendSession(token: over, until: later)
        #expect(try await control.session(token: over) == nil)
        let epoch = try await control.accessEpoch()
        try await control.pruneSessions()
        #expect(try await store.scalar("SELECT count(*) FROM sessions", as: Int64.self) == 1)
        #expect(try await control.accessEpoch() == epoch)
        await store.close()
    }

    @Test func `sessions are listed in pages without what opens them, and ended by their ids and users`() async throws {
        let store = try await TestControl.make()
        let control = store.control
        let origin = SessionOrigin(address: "10.0.0.1", userAgent: String(repeating: "x", count: 1_000) + "\0")
        for user in ["ann", "ann", "bob"] { _ = try await control.beginSession(session(user), from: origin) }
        _ = try await control.beginSession(session("gone", for: -1))
        var all: [ListedSession] = []
        while true {
            let page = try await control.sessions(of: nil, after: all.last?.id, limit: 2)
            guard !page.isEmpty else { break }
            all += page
        }
        #expect(all.map(\.session.user).sorted() == ["ann", "ann", "bob"])
        #expect(all.allSatisfy { $0.origin.address == "10.0.0.1" && $0.origin.userAgent?.count == 200 })
        #expect(try await control.sessions(of: "ann", after: nil, limit: 10).count == 2)
        let bob = try #require(all.first { $0.session.user == "bob" })
        #expect(try await control.endSession(id: bob.id))
        #expect(try await !control.endSession(id: bob.id))
        #expect(try await control.endSessions(of: "ann") == 2)
        #expect(try await control.sessions(of: nil, after: nil, limit: 10).isEmpty)
        await store.close()
    }

    // MARK: - Values

    @Test func `values go with their session, at every instance`() async throws {
        let (one, two) = (try await TestControl.make(), try TestControl.connect())
        let session = session("ann")
        let token = try #require(try await one.control.beginSession(session))
        let holder = ValueHolder.session(session.id)
        try await one.control.setValues(["a": 1, "b": ["x": .null]], of: holder)
        try await two.control.setValues(["a": 2], of: holder)
        #expect(try await two.control.value("a", of: holder) == 2)
        #expect(try await one.control.value("b", of: holder) == ["x": .null])
        try await two.control.removeValues(["b", "none"], of: holder)
        #expect(try await one.control.value("b", of: holder) == nil)
        try await one.control.endSession(token: token)
        #expect(try await one.scalar("SELECT count(*) FROM session_values", as: Int64.self) == 0)
        await #expect(throws: SessionValueError.ended) { try await two.control.setValues(["a": 3], of: holder) }
        await one.close()
        await two.close()
    }

    @Test func `what a login has prepared is every session's that it begins, and nobody's later on`() async throws {
        let store = try await TestControl.make()
        let login = UUID()
        try await store.control.setValues(["token": "t"], of: .login(login))
        for _ in 0..<2 {
            let session = session("ann")
            _ = try await store.control.beginSession(session, preparedBy: login)
            #expect(try await store.control.value("token", of: .session(session.id)) == "t")
        }
        try await store.control.pruneSessions()
        #expect(try await store.control.value("token", of: .login(login)) == "t")
        try await store.client.execute("UPDATE session_values SET changed_at = changed_at - interval '2 hours'")
        try await store.control.pruneSessions()
        #expect(try await store.control.value("token", of: .login(login)) == nil)
        #expect(try await store.scalar("SELECT count(*) FROM session_values", as: Int64.self) == 2)
        await store.close()
    }

    @Test func `a session keeps no more than it may, and what it had stays`() async throws {
        let store = try await TestControl.make()
        let session = session("ann")
        _ = try await store.control.beginSession(session)
        let holder = ValueHolder.session(session.id)
        let half = JSONValue.string(String(repeating: "x", count: ControlStore.sessionValueBytes / 2))
        try await store.control.setValues(["a": half], of: holder)
        await #expect(throws: SessionValueError.tooMuch) { try await store.control.setValues(["b": half], of: holder) }
        #expect(try await store.control.value("b", of: holder) == nil)
        let many = JSONObject((0..<ControlStore.sessionValueCount).map { ("n\($0)", 0) })
        await #expect(throws: SessionValueError.tooMuch) { try await store.control.setValues(many, of: holder) }
        #expect(try await store.control.value("a", of: holder) == half)
        await store.close()
    }
}
