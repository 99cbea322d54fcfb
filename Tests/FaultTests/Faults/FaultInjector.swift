import PrivateServers
import TestSupport
import Testing

/// Carries out a plan, fault by fault, and heals everything at its end.
struct FaultInjector: Sendable {
    let system: FaultySystem
    let plan: FaultPlan
    let meddler: Meddler
    let tally: Tally

    func run() async throws {
        let start = ContinuousClock.now
        try await withThrowingTaskGroup(of: Void.self) { group in
            for event in plan.events {
                try await Task.sleep(until: start + .seconds(event.second), clock: .continuous)
                report("\((ContinuousClock.now - start).components.seconds) s: \(event.fault)")
                // Those that last go on beside the next ones.
                group.addTask { try await inject(event.fault) }
            }
            try await Task.sleep(until: start + .seconds(plan.seconds), clock: .continuous)
            try await group.waitForAll()
        }
        for way in Fault.Way.allCases { system.way(way).become(.passes) }
        system.thawScriptHosts()
    }

    private func inject(_ fault: Fault) async throws {
        switch fault {
        case .kill(let name):
            if system.process(name) != nil { tally.add(.kills) }
            try await system.kill(name)
        case .freeze(let name, let seconds):
            guard let process = system.process(name) else { return }
            process.pause()
            tally.add(.freezes)
            try await Task.sleep(for: .seconds(seconds))
            process.proceed()
        case .killScriptHosts(let name):
            let hosts = system.scriptHosts(of: name)
            for host in hosts { host.send(.kill) }
            tally.add(.killedHosts, hosts.count)
        case .freezeScriptHosts(let name): tally.add(.frozenHosts, system.freezeScriptHosts(of: name))
        case .restart(.postgres): end(.postgres, .interrupt)
        case .restart(.rabbitmq): end(.rabbitmq, .terminate)
        case .crash(let server): end(server, .kill)
        case .wipeBroker:
            try await system.wipeBroker()
            tally.add(.wipes)
        case .memoryAlarm(let seconds): try await alarm(for: .seconds(seconds))
        case .disconnect(let service):
            // While PostgreSQL is away there is nothing to cut.
            let answers = try? await system.query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '\(service)'"
            )
            tally.add(.cuts, (answers ?? []).count { $0 == "t" })
        case .way(let way, let mode, let seconds):
            system.way(way).become(mode)
            tally.add(.ways)
            try await Task.sleep(for: .seconds(seconds))
            system.way(way).become(.passes)
        case .meddle(let mail, let seconds): await meddler.meddle(with: mail, for: .seconds(seconds))
        }
    }

    private func end(_ server: Fault.Server, _ signal: Signal) {
        if system.process(server.rawValue) != nil { tally.add(.ends) }
        system.end(server, signal)
    }

    /// The broker says that it has no memory left; one that is started anew meanwhile has.
    private func alarm(for duration: Duration) async throws {
        let end = ContinuousClock.now + duration
        while ContinuousClock.now < end {
            if await system.evaluateInBroker("vm_memory_monitor:set_vm_memory_high_watermark(0.0).") {
                tally.add(.alarms)
                break
            }
            // It is away.
            try await Task.sleep(for: .milliseconds(250))
        }
        try await Task.sleep(until: end, clock: .continuous)
        try await eventually("the alarm is lifted") {
            await system.evaluateInBroker("vm_memory_monitor:set_vm_memory_high_watermark(0.4).")
        }
    }
}
