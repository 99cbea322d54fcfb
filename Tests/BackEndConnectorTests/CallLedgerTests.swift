import Contracts
import ControlStore
import Foundation
import JSON
import Messaging
import Postgres
import PrivateServers
import TestBackEnd
import TestSupport
import Testing

/// What is noted of transactions that must not happen twice.
@Suite(.database, .virtualHost) struct CallLedgerTests {
    /// A moment in so many seconds, in milliseconds since 1970, by the clock that PostgreSQL's machine has too.
    private func moment(in seconds: Double) -> Int {
        Int((Date().timeIntervalSince1970 + seconds) * 1_000)
    }

    @Test func `a call is begun once, in its time, and its note goes when the time is over`() async throws {
        let system = try await RunningConnector(backEnd: "http://127.0.0.1:9")
        let control = system.control
        try await system.client.migrate(ControlStore.callMigrations, component: "connector-calls")
        let (first, second, end) = (UUID(), UUID(), moment(in: 3_600))
        #expect(try await control.begin(call: "a", as: first, until: end) == .first)
        #expect(try await control.begin(call: "a", as: first, until: end) == .first, "it is not known to be written")
        #expect(try await control.begin(call: "a", as: second, until: end) == .before)
        try await control.refuse(call: "a", with: [1, 2])
        #expect(try await control.begin(call: "a", as: second, until: end) == .refused([1, 2]))
        #expect(try await control.begin(call: "b", as: first, until: moment(in: -3_600)) == .late)
        // More than are taken away at once.
        try await system.client.execute(
            """
            INSERT INTO connector_calls (call, until)
            SELECT 'old ' || number, now() - interval '1 hour' FROM generate_series(1, 2500) AS number
            """
        )
        try await control.forgetCalls()
        let left = try await system.client.query("SELECT call FROM connector_calls").map { try $0.decode(String.self) }
        #expect(left == ["a"])
        await system.stop()
    }

    @Test func `nobody is told that nothing has happened unless that is noted`() async throws {
        let backEnd = try await BackEnd.start { _ in [.answer(200, "{}")] }
        let system = try await RunningConnector(backEnd: backEnd.url)
        let service = try await system.start()
        let notes: PostgresQuery = "SELECT count(*) FROM connector_calls WHERE refusal IS NOT NULL"
        guard case .failure(let unknown) = try await system.call("none") else {
            Issue.record("a transaction that there is not was carried out")
            return
        }
        #expect(unknown.code == "not_found" && unknown.effect == .none)
        #expect(try await system.client.query(notes).first?.decode(Int64.self) == 1)
        // What does not pass is told at once, and that nobody knows what comes of another message of the call.
        try await system.client.execute("ALTER TABLE connector_calls RENAME TO elsewhere")
        guard case .failure(let failure) = try await system.call("create") else {
            Issue.record("a transaction was carried out that could not be noted")
            return
        }
        #expect(failure.code == "unavailable" && failure.effect == .unknown)
        #expect(backEnd.received.isEmpty)
        #expect(await service.stop() == .code(0))
        await system.stop()
        await backEnd.stop()
    }

    @Test func `what cannot be noted now is noted later, uses up no deliveries and is in nobody's way`() async throws {
        let backEnd = try await BackEnd.start { _ in [.answer(200, "{}")] }
        let system = try await RunningConnector(backEnd: backEnd.url)
        let service = try await system.start(["FULLSYNC_CONNECTOR_CONCURRENCY": "1"])
        try await system.client.migrate(ControlStore.callMigrations, component: "connector-calls")
        try await system.client.execute("CREATE SEQUENCE tries")
        try await system.client.execute(
            """
            CREATE FUNCTION refuse() RETURNS trigger LANGUAGE plpgsql AS $$
            BEGIN
                PERFORM nextval('tries');
                RAISE EXCEPTION 'not now' USING ERRCODE = '40001';
            END $$
            """
        )
        try await system.client.execute(
            "CREATE TRIGGER refuse BEFORE INSERT ON connector_calls FOR EACH ROW EXECUTE FUNCTION refuse()"
        )
        // One more, and it is set aside.
        let headers = [HeaderName.earlierDeliveries: HeaderValue.int(Int64(Topology.callDeliveries - 1))]
        async let created = system.call("create", headers: headers)
        try await eventually("it is tried") {
            try await system.client.query("SELECT is_called FROM tries").first?.decode(Bool.self) == true
        }
        // There is one place, which it leaves, several times.
        for _ in 0..<3 { _ = try await system.call("read").get() }
        #expect(backEnd.received.count == 3)
        try await system.client.execute("DROP TRIGGER refuse ON connector_calls")
        _ = try await created.get()
        #expect(backEnd.received.count == 4)
        #expect(await service.stop() == .code(0))
        await system.stop()
        await backEnd.stop()
    }
}
