import PrivateServers

/// Carries out a plan, fault by fault, and heals everything at its end.
struct FaultInjector: Sendable {
    let system: FaultySystem
    let plan: FaultPlan

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
        system.proxy.become(.passes)
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
        case .backEnd(let mode, let seconds):
            system.proxy.become(mode)
            try await Task.sleep(for: .seconds(seconds))
            system.proxy.become(.passes)
        }
    }
}
