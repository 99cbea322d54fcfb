import Foundation
import JSON
import PrivateServers
import TestSupport
import Testing

/// `fullsync run`, `start`, `stop` and `status`, from outside.
@Suite struct SupervisionTests {
    @Test func `start returns when every service is ready, and stop ends exactly that`() async throws {
        let system = try await FakeSystem()
        let start = try await system.fullsync("start")
        #expect(start.status == .code(0), "\(start.output)")
        // There is no demo here.
        #expect(start.output.contains("make stop") && !start.output.contains("make demo"), "\(start.output)")
        let services = try #require(try system.endpoints()["services"]?.objectValue)
        #expect(services.names.sorted() == FakeSystem.services.filter { $0 != "demo-erp" }.sorted())
        try await system.expectReady()

        let stop = try await system.fullsync("stop")
        #expect(stop.status == .code(0), "\(stop.output)")
        #expect(stop.output.hasSuffix("\nEverything is stopped.\n"), "\(stop.output)")
        try await system.expectNothingRuns()
        #expect(!FileManager.default.fileExists(atPath: system.home + "/endpoints.json"))
        let log = try TextFile.read(system.home + "/logs/scheduler.log")
        #expect(log.contains("ending"), "the service was not asked to end")
    }

    @Test func `stop and status say so when nothing runs`() async throws {
        let system = try await FakeSystem()
        let stop = try await system.fullsync("stop")
        #expect(stop.status == .code(0))
        #expect(stop.output.contains("does not run"))
        #expect(try await system.fullsync("status").status == .code(3))
        #expect(!FileManager.default.fileExists(atPath: system.home), "asking made a home")
    }

    @Test func `what is written is for its owner alone`() async throws {
        let system = try await FakeSystem()
        #expect(try await system.fullsync("start").status == .code(0))
        for file in ["endpoints.json", "admin-password", "logs/scheduler.log"] {
            let attributes = try FileManager.default.attributesOfItem(atPath: "\(system.home)/\(file)")
            #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600, "\(file)")
        }
        let password = try #require(TextFile.firstLine(of: system.home + "/admin-password"))
        #expect(try system.endpoints()["http"]?.stringValue == "http://admin:\(password)@127.0.0.1:\(system.port)")
        _ = try await system.fullsync("stop")
    }

    @Test func `a second start in the same home is an error and disturbs nothing`() async throws {
        let system = try await FakeSystem()
        #expect(try await system.fullsync("start").status == .code(0))
        let before = try system.process("scheduler")
        for verb in ["start", "run"] {
            let second = try await system.fullsync(verb)
            #expect(second.status == .code(1))
            #expect(second.output.contains("already runs"), "\(second.output)")
        }
        #expect(try system.process("scheduler") == before)
        try await system.expectReady()
        _ = try await system.fullsync("stop")
        try await system.expectNothingRuns()
    }

    @Test func `a taken port is an error before anything is started`() async throws {
        let system = try await FakeSystem()
        let address = try await TestServers.postgres()
        let port = try #require(URLComponents(string: address)?.port)
        let start = try await system.fullsync("start", ["FULLSYNC_PORT": String(port)])
        #expect(start.status == .code(1))
        #expect(start.output.contains("port \(port) is taken"), "\(start.output)")
        try await system.expectNothingRuns()
    }

    @Test func `a service that fails is named with its last words, and nothing is left running`() async throws {
        let system = try await FakeSystem()
        try await system.install(FakeSystem.failingProgram, as: "scheduler")
        let start = try await system.fullsync("start")
        #expect(start.status == .code(1))
        #expect(start.output.contains("scheduler ended before it was ready (exit code 78)"), "\(start.output)")
        #expect(start.output.contains("FULLSYNC_SPEED (environment): expected a number"))
        try await system.expectNothingRuns()
    }

    @Test func `a service whose program is missing is named`() async throws {
        let system = try await FakeSystem()
        try FileManager.default.removeItem(atPath: system.directory + "/services/change-listener")
        let start = try await system.fullsync("start")
        #expect(start.status == .code(1))
        #expect(start.output.contains("change-listener ended before it was ready (exit code 127)"), "\(start.output)")
        try await system.expectNothingRuns()
    }

    @Test func `a wrong setting is named with its place`() async throws {
        let system = try await FakeSystem()
        let start = try await system.fullsync("start", ["FULLSYNC_WORKERS": "many"])
        #expect(start.status == .code(78))
        #expect(start.output.contains("FULLSYNC_WORKERS (environment)"), "\(start.output)")
    }

    @Test func `a service that is killed is started again, and its new address written`() async throws {
        let system = try await FakeSystem()
        #expect(try await system.fullsync("start").status == .code(0))
        let before = try #require(try system.process("sequence-worker"))
        before.send(.kill)
        try await eventually("another process takes its place") {
            let now = try system.process("sequence-worker")
            return now?.isRunning == true && now != before
        }
        try await eventually("the address of the new one is written") {
            // Its port may happen to be that of the other one.
            guard let now = try system.process("sequence-worker"), now != before,
                let text = try? TextFile.read(system.home + "/run/sequence-worker.json"),
                let announcement = try? JSONValue(parsing: text), announcement["pid"]?.intValue == Int(now.pid),
                let address = announcement["operations"]?.stringValue
            else { return false }
            return try system.endpoints()["services"]?["sequence-worker"]?["up"]?.stringValue == address + "/_up"
        }
        try await system.expectReady()
        #expect(try await system.fullsync("status").output.contains("sequence-worker"))
        _ = try await system.fullsync("stop")
        try await system.expectNothingRuns()
    }

    @Test func `several workers run under names of their own`() async throws {
        let system = try await FakeSystem()
        #expect(try await system.fullsync("start", ["FULLSYNC_WORKERS": "3"]).status == .code(0))
        let services = try #require(try system.endpoints()["services"]?.objectValue).names
        #expect(Set(services).isSuperset(of: ["sequence-worker", "sequence-worker-2", "sequence-worker-3"]))
        _ = try await system.fullsync("stop")
        try await system.expectNothingRuns()
    }

    @Test func `two homes run beside each other, and stop ends one of them`() async throws {
        let systems = [try await FakeSystem(), try await FakeSystem()]
        for system in systems { #expect(try await system.fullsync("start").status == .code(0)) }
        _ = try await systems[0].fullsync("stop")
        try await systems[0].expectNothingRuns()
        try await systems[1].expectReady()
        _ = try await systems[1].fullsync("stop")
        try await systems[1].expectNothingRuns()
    }

    @Test func `run stays in the foreground until SIGTERM`() async throws {
        let system = try await FakeSystem()
        let log = LogFile(system.directory + "/run.log")
        let run = try await system.begin("run", log)
        try await eventually("it says that it runs") { log.lastLines(100).contains("Full Sync runs.") }
        run.send(.terminate)
        #expect(await run.waitForExit() == .code(0))
        #expect(log.lastLines().last == "Everything is stopped.")
        try await system.expectNothingRuns()
    }

    @Test func `run has run well where its output could not be written`() async throws {
        let system = try await FakeSystem()
        // That it runs is not to be read anywhere.
        let (run, readiness) = try await ChildProcess.startAwaitingReadiness(
            Command(
                "/bin/sh",
                ["-c", #"exec "$0" run > /dev/full"#, Executables.path("fullsync")],
                environment: system.environment,
                directory: system.directory,
                output: .appended(to: system.directory + "/run.log")
            ),
            patience: .seconds(600)
        )
        #expect(readiness == .ready)
        run.send(.terminate)
        #expect(await run.waitForExit() == .code(0))
        try await system.expectNothingRuns()
    }

    @Test func `stop says that all has ended where the supervisor is killed over it`() async throws {
        let system = try await FakeSystem()
        // It keeps the supervisor from its end for long enough.
        let deaf = FakeSystem.program.replacing("$SIG{TERM} = sub", with: "$SIG{TERM} = 'IGNORE'; $SIG{USR1} = sub")
        try await system.install(deaf, as: "scheduler")
        #expect(try await system.fullsync("start").status == .code(0))
        let supervisor = try #require(
            TextFile.firstLine(of: system.home + "/run/supervisor").flatMap { ProcessIdentity($0) }
        )
        let log = LogFile(system.directory + "/stop.log")
        let stop = try await system.begin("stop", log)
        try await eventually("it ends") { log.lastLines().contains("Stopping.") }
        supervisor.send(.kill)
        #expect(await stop.waitForExit() == .code(0))
        #expect(log.lastLines().last == "Full Sync is stopped.", "\(log.lastLines())")
        try await system.expectNothingRuns()
    }

    @Test func `SIGTERM while it starts ends what was started`() async throws {
        let system = try await FakeSystem()
        // It never announces itself, so the start goes on until somebody ends it.
        try await system.install("#!/bin/sh\nexec sleep 1000\n", as: "scheduler")
        let log = LogFile(system.directory + "/run.log")
        let run = try await system.begin("run", log)
        try await eventually("some services are ready") { log.lastLines().contains("  sequence-worker: ready") }
        run.send(.terminate)
        #expect(await run.waitForExit() == .code(1))
        try await system.expectNothingRuns()
    }

    @Test func `the services end with a supervisor that is killed, and the next start goes well`() async throws {
        let system = try await FakeSystem()
        #expect(try await system.fullsync("start").status == .code(0))
        let supervisor = try #require(
            TextFile.firstLine(of: system.home + "/run/supervisor").flatMap { ProcessIdentity($0) }
        )
        supervisor.send(.kill)
        try await system.expectNothingRuns()
        #expect(try await system.fullsync("start").status == .code(0))
        _ = try await system.fullsync("stop")
        try await system.expectNothingRuns()
    }

    @Test func `start in a pipe lets the reader go when it returns`() async throws {
        let system = try await FakeSystem()
        let script = "\(Executables.path("fullsync")) start | cat"
        let lines = try await CommandFailure.check("/bin/sh", ["-c", script], environment: system.environment)
        #expect(lines.contains("Full Sync runs."))
        _ = try await system.fullsync("stop")
        try await system.expectNothingRuns()
    }
}
