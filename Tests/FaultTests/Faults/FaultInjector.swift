import PrivateServers
import TestSupport
import Testing

/// Carries out a plan, fault by fault, and heals everything at its end.
struct FaultInjector: Sendable {
    let system: FaultySystem
    let plan: FaultPlan
    let meddler: Meddler

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
        case .kill(let name): try await system.kill(name)
        case .freeze(let name, let seconds):
            guard let process = system.process(name) else { return }
            process.pause()
            try await Task.sleep(for: .seconds(seconds))
            process.proceed()
        case .killScriptHosts(let name): for host in system.scriptHosts(of: name) { host.send(.kill) }
        case .freezeScriptHosts(let name): system.freezeScriptHosts(of: name)
        case .restart(.postgres): system.end(.postgres, .interrupt)
        case .restart(.rabbitmq): system.end(.rabbitmq, .terminate)
        case .crash(let server): system.end(server, .kill)
        case .wipeBroker: try await system.wipeBroker()
        case .memoryAlarm(let seconds): try await alarm(for: .seconds(seconds))
        case .disconnect(let service):
            // While PostgreSQL is away there is nothing to cut.
            _ = try? await system.query(
                "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name = '\(service)'"
            )
        case .way(let way, let mode, let seconds):
            system.way(way).become(mode)
            try await Task.sleep(for: .seconds(seconds))
            system.way(way).become(.passes)
        case .meddle(let mail, let seconds): await meddler.meddle(with: mail, for: .seconds(seconds))
        }
    }

    /// The broker says that it has no memory left; one that is started anew meanwhile has.
    private func alarm(for duration: Duration) async throws {
        await system.evaluateInBroker("vm_memory_monitor:set_vm_memory_high_watermark(0.0).")
        try await Task.sleep(for: duration)
        try await eventually("the alarm is lifted") {
            await system.evaluateInBroker("vm_memory_monitor:set_vm_memory_high_watermark(0.4).")
        }
    }
}
