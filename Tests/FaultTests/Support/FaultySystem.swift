import Foundation
import JSON
import PrivateServers
import Synchronization
import TestSupport
import Testing

/// A whole system to be ill-treated: `fullsync run` and second instances of its services, with spoilt ways from these
/// to the servers, and from all connectors to the back end.
final class FaultySystem: Sendable {
    let home: String
    let http: String
    /// The second endpoint.
    let secondHTTP: String
    let postgres: String
    let amqp: String
    let administrator: Web
    let erp: Web
    private let ways: [Fault.Way: SpoiltWay]
    private let secondPort: Int
    private let supervisor: ChildProcess
    private let log: LogFile
    private let seconds = Mutex<[String: TestService]>([:])
    private let frozen = Mutex<[ProcessIdentity]>([])
    private let environments = Mutex<[String: [String: String]]>([:])
    private let wipes = Turns(1)
    private let restarts = Turns(1)

    static func launch() async throws -> FaultySystem {
        let directory = TestDirectory.make("faults")
        let home = directory + "/home"
        let port = try FreePort.any(for: .later)
        let ways = try await Self.ways(home)
        let log = LogFile(directory + "/output")
        let command = Command(
            Executables.path("fullsync"),
            ["run"],
            environment: [
                "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "FULLSYNC_HOME": home, "FULLSYNC_PORT": String(port),
                "FULLSYNC_START_TIMEOUT": "600s", "FULLSYNC_READY_TIMEOUT": "600s",
                "FULLSYNC_RUN_LEASE": "5s", "FULLSYNC_LOGIN_PROJECT": "field-service",
                // So that what was put off during a fault comes soon after it.
                "FULLSYNC_RUN_GREATEST_DELAY": "5s",
                "FULLSYNC_SYMBOL_ERP_URL": "http://127.0.0.1:\(ways[.backEnd]?.port ?? 0)",
            ],
            directory: directory,
            output: .appended(to: log.path)
        )
        let (child, readiness) = try await ChildProcess.startAwaitingReadiness(command, patience: .seconds(600))
        guard readiness == .ready else { throw CommandFailure(command: "fullsync run", lines: log.lastLines(50)) }
        let system = try FaultySystem(home: home, port: port, ways: ways, supervisor: child, log: log)
        for name in FaultPlan.doubled { try await system.startSecond(name) }
        return system
    }

    private static func ways(_ home: String) async throws -> [Fault.Way: SpoiltWay] {
        @Sendable func port(of server: String) -> Int? {
            guard let text = try? TextFile.read(home + "/endpoints.json"),
                let address = (try? JSONValue(parsing: text))?[server]?.stringValue
            else { return nil }
            return URLComponents(string: address)?.port
        }
        let ways: [Fault.Way: SpoiltWay] = [
            .backEnd: try await SpoiltWay(delay: .seconds(2)) {
                Self.erpAddress(home).flatMap { URLComponents(string: $0)?.port }
            },
            .broker: try await SpoiltWay(delay: .milliseconds(500)) { port(of: "amqp") },
            .postgres: try await SpoiltWay(delay: .milliseconds(200)) { port(of: "postgres") },
        ]
        // To the end of the process.
        for way in ways.values { Task { try await way.run() } }
        return ways
    }

    private init(
        home: String,
        port: Int,
        ways: [Fault.Way: SpoiltWay],
        supervisor: ChildProcess,
        log: LogFile
    ) throws {
        self.home = home
        self.ways = ways
        self.supervisor = supervisor
        self.log = log
        secondPort = try FreePort.any(for: .later)
        let http = "http://127.0.0.1:\(port)"
        self.http = http
        secondHTTP = "http://127.0.0.1:\(secondPort)"
        let endpoints = try JSONValue(parsing: try TextFile.read(home + "/endpoints.json"))
        postgres = try #require(endpoints["postgres"]?.stringValue)
        amqp = try #require(endpoints["amqp"]?.stringValue)
        let password = try #require(TextFile.firstLine(of: home + "/admin-password"))
        let token = try #require(TextFile.firstLine(of: home + "/demo-erp-token"))
        administrator = Web(base: { http }, authorization: Web.basic("admin", password))
        erp = Web(
            base: {
                guard let address = Self.erpAddress(home) else { throw Web.Refusal(description: "no ERP") }
                return address
            },
            authorization: "Bearer " + token
        )
    }

    func way(_ way: Fault.Way) -> SpoiltWay {
        guard let spoilt = ways[way] else { preconditionFailure("there is no way to \(way.rawValue)") }
        return spoilt
    }

    private static func erpAddress(_ home: String) -> String? {
        guard let text = try? TextFile.read(home + "/run/demo-erp.json") else { return nil }
        return (try? JSONValue(parsing: text))?["http"]?.stringValue
    }

    /// Ends everything in order.
    func stop() async {
        for service in seconds.withLock({ Array($0.values) }) { _ = await service.stop() }
        await supervisor.end([(.terminate, .seconds(60)), (.kill, .seconds(5))])
    }

    /// The last lines of every log, for a failure that needs them.
    var logs: String {
        let directory = home + "/logs"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: directory)) ?? []
        return names.sorted().map { "== \($0)\n" + LogFile("\(directory)/\($0)").lastLines(15).joined(separator: "\n") }
            .joined(separator: "\n")
    }

    // MARK: - Processes

    /// The process of that name, as it runs now; nil while there is none.
    func process(_ name: String) -> ProcessIdentity? {
        if name.hasPrefix("second-") {
            return seconds.withLock { $0[name] }.flatMap { ProcessIdentity(pid: $0.process.pid) }
        }
        let file =
            switch name {
            case "postgres", "rabbitmq": "\(home)/\(name)/process"
            default: "\(home)/run/\(name).process"
            }
        return TextFile.firstLine(of: file).flatMap { ProcessIdentity($0) }
    }

    /// The script hosts of a process, its only children.
    func scriptHosts(of name: String) -> [ProcessIdentity] {
        guard let parent = process(name) else { return [] }
        let processes = (try? FileManager.default.contentsOfDirectory(atPath: "/proc")) ?? []
        return processes.compactMap { Int32($0) }.filter { Self.parent(of: $0) == parent.pid }
            .compactMap { ProcessIdentity(pid: $0) }
    }

    /// Has them stand still, and says how many there are.
    func freezeScriptHosts(of name: String) -> Int {
        let hosts = scriptHosts(of: name)
        frozen.withLock { $0 += hosts }
        for host in hosts { host.pause() }
        return hosts.count
    }

    /// Lets those go on that still stand still, also where the process that started them has ended.
    func thawScriptHosts() {
        for host in frozen.withLock(\.self) { host.proceed() }
    }

    private static func parent(of process: Int32) -> Int32? {
        guard let text = try? TextFile.read("/proc/\(process)/stat"), let end = text.lastIndex(of: ")") else {
            return nil
        }
        // Field 3 is the state, field 4 the parent.
        let fields = text[text.index(after: end)...].split(separator: " ")
        return fields.count > 1 ? Int32(fields[1]) : nil
    }

    /// Starts a second instance of a service, with the environment that the first one had before anything was killed,
    /// but for the ways to the servers.
    private func startSecond(_ service: String) async throws {
        var environment = try environment(of: service)
        for (variable, way) in [("FULLSYNC_AMQP_URL", Fault.Way.broker), ("FULLSYNC_POSTGRES_URL", .postgres)] {
            var address = try #require(environment[variable].flatMap { URLComponents(string: $0) })
            address.port = self.way(way).port
            environment[variable] = address.string
        }
        if service == "replication-endpoint" { environment["FULLSYNC_PORT"] = String(secondPort) }
        let second = try await TestService.start(service, environment)
        seconds.withLock { $0["second-" + service] = second }
    }

    /// What those second instances have printed that have ended by themselves.
    var fallen: [String] {
        seconds.withLock { services in
            services.filter { $0.value.process.exit != nil }.map { "\($0.key):\n\($0.value.output)" }
        }
    }

    /// The environment of a service, which is asked for while it runs and kept for when it does not.
    private func environment(of service: String) throws -> [String: String] {
        if let known = environments.withLock({ $0[service] }) { return known }
        let first = try #require(process(service))
        var environment: [String: String] = [:]
        for pair in try TextFile.read("/proc/\(first.pid)/environ").split(separator: "\0") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            if parts.count == 2 { environment[String(parts[0])] = String(parts[1]) }
        }
        environments.withLock { $0[service] = environment }
        return environment
    }

    func kill(_ name: String) async throws {
        guard let second = seconds.withLock({ $0[name] }) else {
            process(name)?.send(.kill)
            return
        }
        await restarts.begin()
        try await attempt {
            // Another kill may have been faster.
            guard seconds.withLock({ $0[name] })?.process.pid == second.process.pid else { return }
            ProcessIdentity(pid: second.process.pid)?.send(.kill)
            _ = await second.process.waitForExit()
            try await startSecond(String(name.dropFirst("second-".count)))
        } finally: {
            await restarts.end()
        }
    }

    /// Ends a server; the supervisor starts it again.
    func end(_ server: Fault.Server, _ signal: Signal) {
        process(server.rawValue)?.send(signal)
    }

    /// Has the broker come back with nothing; one wipe after the other.
    func wipeBroker() async throws {
        let supervisor = try #require(ProcessIdentity(pid: supervisor.pid))
        let directory = home + "/rabbitmq"
        let data = directory + "/mnesia"
        await wipes.begin()
        // It must not start the broker again before its data are gone.
        supervisor.pause()
        try await attempt {
            try await eventually("the broker and its data are gone") {
                // Also one that is just starting, which nobody has written down yet, and what it has started itself.
                let broker = ProcessTable.processes(naming: directory)
                for process in broker { process.send(.kill) }
                try? FileManager.default.removeItem(atPath: data)
                return broker.isEmpty && !FileManager.default.fileExists(atPath: data)
            }
        } finally: {
            supervisor.proceed()
            await wipes.end()
        }
    }

    /// Has the broker evaluate Erlang expressions; false when it did not, as while it is away.
    @discardableResult
    func evaluateInBroker(_ expressions: String) async -> Bool {
        guard let broker = process("rabbitmq"),
            let text = try? TextFile.read("/proc/\(broker.pid)/cmdline")
        else { return false }
        let words = text.split(separator: "\0")
        guard let place = words.firstIndex(of: "-erl_epmd_port"), place + 1 < words.count,
            let port = Int(words[place + 1])
        else { return false }
        return await ErlangCall.evaluate(expressions, in: home + "/rabbitmq", port: port).isSuccess
    }

    // MARK: - What the databases say

    /// The time by PostgreSQL's clock, in whole seconds since 1970, and not before it.
    func now() async throws -> Int {
        let lines = try await patiently { try await query("SELECT ceil(extract(epoch FROM now()))::bigint") }
        return try #require(lines.first.flatMap { Int($0) })
    }

    /// The lines that a query answers, in the database of the system or of the ERP.
    func query(_ statement: String, of database: String = "fullsync") async throws -> [String] {
        var address = try #require(URLComponents(string: postgres))
        address.path = "/" + database
        let arguments = [
            "--no-psqlrc", "--tuples-only", "--no-align", "--dbname=\(address.string ?? "")",
            "--command=\(statement)",
        ]
        return try await CommandFailure.check("/usr/bin/psql", arguments)
    }
}
