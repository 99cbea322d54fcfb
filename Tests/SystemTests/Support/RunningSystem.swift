import Foundation
import Glibc
import JSON
import PrivateServers
import Synchronization
import TestSupport
import Testing

/// The system that all tests of this process share: `fullsync run` with a home and a port of its own.
///
/// It starts at the first use, and is ended with the process: in order at its exit, by the kernel when it is killed.
final class RunningSystem: Sendable {
    let home: String
    /// The endpoint's address, without credentials.
    let http: String
    /// The addresses of the private servers, with their credentials.
    let postgres: String
    let amqp: String
    let administrator: Client
    let erp: Client

    private static let start = Mutex<Task<RunningSystem, any Error>?>(nil)
    private static let supervisor = Mutex<ChildProcess?>(nil)

    static var shared: RunningSystem {
        get async throws {
            let task = start.withLock { start in
                let task = start ?? Task { try await launch() }
                start = task
                return task
            }
            return try await task.value
        }
    }

    private static func launch() async throws -> RunningSystem {
        let directory = TestDirectory.make("system")
        let home = directory + "/home"
        let port = try FreePort.any(for: .later)
        let log = LogFile(directory + "/output")
        let command = Command(
            Executables.path("fullsync"),
            ["run"],
            environment: [
                "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "FULLSYNC_HOME": home, "FULLSYNC_PORT": String(port),
                "FULLSYNC_START_TIMEOUT": "600s", "FULLSYNC_READY_TIMEOUT": "600s",
                // So that the runs of a worker that was killed are taken over at once.
                "FULLSYNC_RUN_LEASE": "10s",
                // So that a function without end is not waited for much longer than its test takes.
                "FULLSYNC_SCRIPT_TIME": "1s",
                // A test deploys another project with a login.
                "FULLSYNC_LOGIN_PROJECT": "field-service",
            ],
            directory: directory,
            output: .appended(to: log.path)
        )
        let (child, readiness) = try await ChildProcess.startAwaitingReadiness(command, patience: .seconds(900))
        supervisor.withLock { $0 = child }
        atexit { RunningSystem.stop() }
        guard readiness == .ready else {
            throw CommandFailure(command: "fullsync run", lines: log.lastLines(50))
        }
        let system = try RunningSystem(home: home, port: port)
        try await system.waitForPulls()
        return system
    }

    /// Ends the system while the process ends.
    private static func stop() {
        guard let child = supervisor.withLock(\.self) else { return }
        child.send(.terminate)
        // Nothing but the table of processes is left to wait on.
        for _ in 0..<6_000 where child.exit == nil { poll(nil, 0, 10) }
    }

    private init(home: String, port: Int) throws {
        self.home = home
        http = "http://127.0.0.1:\(port)"
        let endpoints = try JSONValue(parsing: try TextFile.read(home + "/endpoints.json"))
        postgres = try #require(endpoints["postgres"]?.stringValue)
        amqp = try #require(endpoints["amqp"]?.stringValue)
        let password = try #require(TextFile.firstLine(of: home + "/admin-password"))
        administrator = Client(http, .basic(name: "admin", password: password))
        let announcement = try JSONValue(parsing: try TextFile.read(home + "/run/demo-erp.json"))
        let token = try #require(TextFile.firstLine(of: home + "/demo-erp-token"))
        erp = Client(try #require(announcement["http"]?.stringValue), .bearer(token))
    }

    /// The administrator's password.
    var password: String { get throws { try #require(TextFile.firstLine(of: home + "/admin-password")) } }

    // MARK: - Processes

    /// The running process of a service.
    func process(of service: String) throws -> ProcessIdentity {
        try #require(TextFile.firstLine(of: "\(home)/run/\(service).process").flatMap { ProcessIdentity($0) })
    }

    /// Kills a service and waits until its successor is ready.
    func replace(_ service: String) async throws {
        let before = try process(of: service)
        before.send(.kill)
        try await waitForSuccessor(of: before, service)
    }

    /// Waits until another process of the service than that one is ready.
    func waitForSuccessor(of before: ProcessIdentity, _ service: String) async throws {
        try await eventually("\(service) was started again") {
            guard let now = try? process(of: service), now != before,
                let text = try? TextFile.read("\(home)/run/\(service).json"),
                let announcement = try? JSONValue(parsing: text), announcement["pid"]?.intValue == Int(now.pid),
                let operations = announcement["operations"]?.stringValue
            else { return false }
            return (try? await Client(operations).get("/_up").status) == 200
        }
    }

    /// The lines of a service's metrics.
    func metrics(of service: String) async throws -> [Substring] {
        let announcement = try JSONValue(parsing: try TextFile.read("\(home)/run/\(service).json"))
        let answer = try await Client(try #require(announcement["operations"]?.stringValue)).get("/metrics")
        try #require(answer.status == 200, "\(answer.status)")
        return String(decoding: answer.bytes, as: UTF8.self).split(separator: "\n")
    }

    /// Whether a service has counted a call of a connector with that outcome.
    func hasCounted(_ connector: String, in project: String, _ outcome: String, by service: String) async -> Bool {
        let labels = ["connector=\"\(connector)\"", "project=\"\(project)\"", "outcome=\"\(outcome)\""]
        // It has none while it is started again.
        return (try? await metrics(of: service))?.contains { line in
            line.hasPrefix("connector_calls_total{") && labels.allSatisfy(line.contains)
        } == true
    }

    // MARK: - Runs

    /// The newest runs, perhaps only those in a state.
    func runs(_ state: String? = nil) async throws -> [JSONValue] {
        let query = state.map { "&state=\($0)" } ?? ""
        let answer = try await administrator.get("/_fullsync/runs?limit=1000\(query)")
        return try #require(answer.json["runs"]?.arrayValue, "\(answer.json)")
    }

    /// Waits until everything that was set off has come to its end.
    ///
    /// What the ERP has told, and what a listener has seen, is nobody's run for a moment, while it is in a queue: so it
    /// must have been the end for longer than such a moment.
    func settle() async throws {
        var end: ContinuousClock.Instant?
        try await eventually("all runs are done", within: .seconds(300)) {
            let counts = try await [unpublished(), unseen(), runs("waiting").count, runs("running").count]
            guard counts.allSatisfy({ $0 == 0 }) else {
                end = nil
                return false
            }
            let since = end ?? .now
            end = since
            return .now - since > .seconds(1)
        }
    }

    /// What the ERP has not yet told of.
    private func unpublished() async throws -> Int {
        try await Int(query("SELECT count(*) FROM erp.outbox WHERE published_at IS NULL", of: "erp").first ?? "") ?? -1
    }

    /// How many changes the listeners of the field service have not seen yet.
    private func unseen() async throws -> Int {
        let answer = try await administrator.get("/_fullsync/projects/field-service/listeners")
        let listeners = try #require(answer.json["listeners"]?.arrayValue, "\(answer.json)")
        return listeners.filter { $0["state"] == "listening" }.reduce(0) { $0 + ($1["behind"]?.intValue ?? 0) }
    }

    /// Waits until the scheduler's first pulls have brought the ERP's data.
    private func waitForPulls() async throws {
        try await eventually("the first pulls have succeeded", within: .seconds(600)) {
            Set(try await runs("succeeded").filter { $0["cause"] == "schedule" }.compactMap { $0["source"] }).count == 3
        }
    }

    /// The lines that a query answers, in the system's own database or another one.
    func query(_ statement: String, of database: String? = nil) async throws -> [String] {
        var address = try #require(URLComponents(string: postgres))
        if let database { address.path = "/\(database)" }
        return try await CommandFailure.check(
            "/usr/bin/psql",
            [
                "--no-psqlrc", "--tuples-only", "--no-align", "--dbname=\(address.string ?? "")",
                "--command=\(statement)",
            ]
        )
    }
}
