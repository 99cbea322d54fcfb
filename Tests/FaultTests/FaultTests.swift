import Foundation
import JSON
import TestSupport
import Testing

/// Whatever dies, stands still, loses its memory or answers badly: nothing is lost, nothing is done twice, and the
/// backlog drains by itself (contract, promises P1 to P5 and P7).
///
/// `make faults SEED=… MINUTES=…` runs it for longer; the plan of a seed is always the same.
@Suite struct FaultTests {
    /// How long faults happen.
    private static let minutes =
        ProcessInfo.processInfo.environment["FULLSYNC_FAULT_MINUTES"].flatMap { Double($0) } ?? 1.0 / 3

    @Test(.timeLimit(.minutes(60 + 2 * Int(minutes))))
    func `nothing is lost and nothing is done twice, whatever dies`() async throws {
        let environment = ProcessInfo.processInfo.environment
        let seed = environment["FULLSYNC_FAULT_SEED"].flatMap { UInt64($0) } ?? .random(in: 0..<1 << 32)
        let plan = FaultPlan(seed: seed, seconds: Int(Self.minutes * 60))
        report(plan.description)
        let system = try await FaultySystem.launch()
        do {
            try await endure(plan, system)
        } catch {
            report(system.logs)
            await system.stop()
            throw error
        }
        await system.stop()
    }

    private func endure(_ plan: FaultPlan, _ system: FaultySystem) async throws {
        try await FaultProject.deploy(to: system, ticking: true)
        try await Oracle(system: system).waitForPulls()
        let cast = try await Cast(system, seed: plan.seed)
        let end = ContinuousClock.now + .seconds(plan.seconds)
        let pings = try Pings(system)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for technician in cast.technicians { group.addTask { try await technician.work(until: end) } }
            for member in cast.members { group.addTask { try await member.work(until: end) } }
            group.addTask { try await cast.office.retag(until: end) }
            group.addTask { try await cast.office.order(until: end) }
            group.addTask { try await pings.work(until: end, seed: plan.seed) }
            group.addTask { try await FaultInjector(system: system, plan: plan).run() }
            try await group.waitForAll()
        }
        // From here on nothing fails any more.
        try await FaultProject.deploy(to: system, ticking: false)
        try await pings.repeatAll()
        let oracle = Oracle(system: system)
        try await oracle.settle(pings: await pings.count)
        try await oracle.expectNothingSetAside()
        var written: [String: [String]] = [:]
        for technician in cast.technicians {
            written.merge(await technician.written) { $0 + $1 }
        }
        try await oracle.expectEffects(of: written)
        try await oracle.expectLedger(pings: await pings.count)
        try await oracle.expectDevices(cast.members)
        try await oracle.expectOrders()
        report("\(written.values.map(\.count).reduce(0, +)) notes, \(await pings.count) notifications.")
        await pings.end()
    }
}

/// Who takes part.
private struct Cast: Sendable {
    let technicians: [Technician]
    let members: [Member]
    let office: Office

    private static let ordersOfEach = 3

    init(_ system: FaultySystem, seed: UInt64) async throws {
        let rows = try await system.erp.ask("GET", "/work-orders?limit=60")["rows"]?.arrayValue ?? []
        let orders = rows.compactMap { $0["number"]?.stringValue }
        try #require(orders.count == 60)
        var technicians: [Technician] = []
        for (place, name) in ["tina", "tom", "tara"].enumerated() {
            let own = orders[place * Self.ordersOfEach..<(place + 1) * Self.ordersOfEach]
            technicians.append(try await Technician(name, orders: Array(own), on: system, seed: seed &+ UInt64(place)))
        }
        self.technicians = technicians
        let people = try await system.erp.ask("GET", "/technicians?limit=1000")["rows"]?.arrayValue ?? []
        var members: [Member] = []
        for name in ["ada", "bob", "cleo"] {
            members.append(try await Member(name, on: system, seed: seed &+ UInt64(10 + members.count)))
        }
        self.members = members
        office = Office(
            system: system,
            members: members.map(\.name),
            orders: Array(orders.dropFirst(30)),
            technicians: people.compactMap { $0["login"]?.stringValue },
            seed: seed
        )
    }
}
