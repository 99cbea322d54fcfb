import Glibc
import Logging
import TestScripts
import TestSupport
import Testing

@testable import ScriptHosting

@Suite(.serialized) struct HostLifeTests {
    private static let slow =
        "function (doc) { var end = Date.now() + doc.time; while (Date.now() < end); emit(doc.n, 1) }"

    @Test func `a batch whose host is killed is done by another one`() async throws {
        try await withPool { pool async throws in
            let functions = ScriptFunctions(Self.slow)
            try await untilRunning(pool, 1)
            async let batch = pool.rows(functions, [#"{"time":300,"n":1}"#])
            for identifier in pool.hostIdentifiers { kill(identifier, SIGKILL) }
            #expect(try await batch == [[["1=1"]]])
            #expect(try await pool.rows(functions, [#"{"time":0,"n":2}"#]) == [[["2=1"]]])
        }
    }

    @Test func `a batch whose hosts are killed again and again fails, and others are served`() async throws {
        var limits = ScriptLimits.patient
        limits.callTime = .seconds(600)
        try await withPool(limits) { pool async throws in
            let functions = ScriptFunctions(Self.slow)
            let batch = Task { await scriptError { try await pool.rows(functions, [#"{"time":600000,"n":1}"#]) } }
            // Each host gets some time with the batch before it is killed, and on a slow machine more of it.
            let killer = Task {
                var life = Duration.milliseconds(200)
                while (try? await Task.sleep(for: life)) != nil {
                    for identifier in pool.hostIdentifiers { kill(identifier, SIGKILL) }
                    life *= 2
                }
            }
            #expect(await batch.value?.kind == .hostDied)
            killer.cancel()
            #expect(try await pool.rows(functions, [#"{"time":0,"n":2}"#]) == [[["2=1"]]])
        }
    }

    @Test func `a single document is asked about again in a new host when the host stood still`() async throws {
        var limits = ScriptLimits.patient
        limits.batchTime = .seconds(5)
        try await withPool(limits) { pool async throws in
            let functions = ScriptFunctions(Self.slow)
            await pool.warmUp(functions, #"{"time":0,"n":1}"#)
            let host = try #require(pool.hostIdentifiers.first)
            kill(host, SIGSTOP)
            let document = Array(#"{"time":0,"n":2}"#.utf8)
            guard case .rows(let rows) = try await pool.map(functions, document: document)[0] else {
                Issue.record("no rows")
                return
            }
            #expect(rows.map { Array($0.key) } == [Array("2".utf8)])
            #expect(pool.hostIdentifiers != [host])
        }
    }

    @Test func `sixteen callers get their own answers while hosts are killed`() async throws {
        try await withPool(hosts: 2) { pool async throws in
            try await withThrowingTaskGroup { group in
                for caller in 0..<16 {
                    group.addTask {
                        for round in 0..<30 {
                            let functions = ScriptFunctions("function (doc) { emit([\(caller), doc.n], null) }")
                            do {
                                let rows = try await pool.rows(functions, ["{\"n\":\(round)}"])
                                #expect(rows == [[["[\(caller),\(round)]=null"]]])
                            } catch let error as ScriptError {
                                #expect(error.kind == .hostDied)
                            }
                            if caller == 0, round % 10 == 5, let identifier = pool.hostIdentifiers.first {
                                kill(identifier, SIGKILL)
                            }
                        }
                    }
                }
                try await group.waitForAll()
            }
        }
    }

    @Test func `a host that is killed while nothing is asked of it is not noticed`() async throws {
        try await withPool { pool async throws in
            let functions = ScriptFunctions(Self.slow)
            for number in 0..<3 {
                #expect(try await pool.rows(functions, ["{\"time\":0,\"n\":\(number)}"]) == [[["\(number)=1"]]])
                for identifier in pool.hostIdentifiers { kill(identifier, SIGKILL) }
            }
        }
    }

    @Test func `the end of the pool ends its hosts and its calls, now and later`() async throws {
        let program = Executables.path("script-host")
        let pool = ScriptHostPool(executable: program, hosts: 2, limits: .patient, logger: .silent)
        let run = Task { await pool.run() }
        let functions = ScriptFunctions(Self.slow)
        _ = try await pool.rows(functions, [#"{"time":0,"n":1}"#])
        try await untilRunning(pool, 2)
        let identifiers = pool.hostIdentifiers
        let calls = (0..<6).map { _ in
            Task { await scriptError { try await pool.rows(functions, [#"{"time":600000}"#]) } }
        }
        run.cancel()
        await run.value
        for call in calls { #expect(await call.value?.kind == .unavailable) }
        for identifier in identifiers { #expect(kill(identifier, 0) == -1 && errno == ESRCH) }
        #expect(await scriptError { try await pool.rows(functions, ["{}"]) }?.kind == .unavailable)
    }

    @Test func `a call that is cancelled while it waits ends at once`() async throws {
        try await withPool { pool async throws in
            let functions = ScriptFunctions(Self.slow)
            _ = try await pool.rows(functions, [#"{"time":0,"n":1}"#])
            let calls = (0..<3).map { _ in
                Task { await scriptError { try await pool.rows(functions, [#"{"time":600000}"#]) } }
            }
            // One of them has the host, and of the two that are cancelled one at least does not.
            try await eventually("two wait") { pool.waiting == 2 }
            for call in calls.dropFirst() { call.cancel() }
            let ends = AsyncStream { ends in
                for call in calls.dropFirst() { Task { ends.yield(await call.value?.kind) } }
            }
            #expect(await ends.contains(.cancelled))
            // The one that has the host ends with the pool.
        }
    }

    @Test func `a call that waits too long, and one too many, end with an error`() async throws {
        var limits = ScriptLimits.patient
        limits.queueTime = .seconds(2)
        limits.queueLength = 3
        limits.callTime = .seconds(600)
        try await withPool(limits) { pool async throws in
            let functions = ScriptFunctions(Self.slow)
            await pool.warmUp(functions, #"{"time":0,"n":1}"#)
            // Together, so that the last one comes before those that wait have waited too long.
            let together = Barrier(8)
            let calls = (0..<8).map { _ in
                Task {
                    await together.arrive()
                    return await scriptError { try await pool.rows(functions, [#"{"time":600000}"#]) }
                }
            }
            // One has the host until all others have ended.
            let ends = AsyncStream { ends in
                for call in calls { Task { ends.yield(await call.value?.message ?? "") } }
            }
            let messages = await ends.prefix(7).reduce(into: []) { $0.append($1) }
            for call in calls { call.cancel() }
            let late = messages.count { $0.contains("free in time") }
            let many = messages.count { $0.contains("too many") }
            // One that has waited too long leaves its place to one that comes late.
            #expect(late >= 3 && many > 0 && late + many == 7)
        }
    }

    @Test(arguments: ["/nowhere/script-host", "/bin/true", "/bin/echo"])
    func `a program that is no script host leaves calls without a host`(_ path: String) async throws {
        var limits = ScriptLimits()
        limits.queueTime = .milliseconds(300)
        let pool = ScriptHostPool(executable: path, hosts: 1, limits: limits, logger: .silent)
        let run = Task { await pool.run() }
        #expect(await scriptError { try await pool.rows(ScriptFunctions(Self.slow), ["{}"]) }?.kind == .unavailable)
        run.cancel()
        await run.value
    }

    @Test func `a host has no descriptor but the standard ones and its own`() async throws {
        let pipe = InheritedPipe.open()
        defer { pipe.close() }
        try await withPool { pool async throws in
            _ = try await pool.rows(ScriptFunctions(Self.slow), [#"{"time":0}"#])
            let identifier = try #require(pool.hostIdentifiers.first)
            let targets = try descriptors(of: identifier)
            #expect(targets.allSatisfy { !pipe.names.contains($0) }, "\(targets)")
        }
    }

    private func untilRunning(_ pool: ScriptHostPool, _ count: Int) async throws {
        while pool.hostIdentifiers.count < count { try await Task.sleep(for: .milliseconds(5)) }
    }
}

extension Logger {
    /// A logger that tells nobody.
    static var silent: Logger { Logger(label: "script-hosts", factory: { _ in SwiftLogNoOpLogHandler() }) }
}
