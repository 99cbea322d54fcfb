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
        let seed = SeededGenerator.announcedSeed(variable: "FULLSYNC_FAULT_SEED")
        let plan = FaultPlan(seed: seed, seconds: Int(Self.minutes * 60))
        report(plan.description)
        let system = try await FaultySystem.launch()
        do {
            try await endure(plan, system)
        } catch {
            report(system.logs)
            for service in system.fallen { report("ended by itself: \(service)") }
            await system.stop()
            throw error
        }
        await system.stop()
    }

    private func endure(_ plan: FaultPlan, _ system: FaultySystem) async throws {
        let orders = try await Cast.orders(of: system)
        try await FaultProject.deploy(to: system, ticking: true, countingAt: orders[Cast.counting])
        let beginning = try await system.now()
        let oracle = Oracle(system: system)
        try await oracle.waitForPulls()
        let cast = try await Cast(system, orders, seed: plan.seed)
        let person = Person(system, seed: plan.seed)
        let deciding = Task { await person.work() }
        defer { deciding.cancel() }
        let tally = Tally()
        try await misuse(system, plan, cast, tally)
        // From here on nothing fails any more. Firings that were missed are made up for before the jobs are disabled.
        let end = max(try await system.now(), beginning)
        try await oracle.waitForFirings(after: end)
        try await FaultProject.deploy(to: system, ticking: false, countingAt: orders[Cast.counting])
        try await cast.pings.repeatAll()
        try await oracle.settle(pings: await cast.pings.count)
        deciding.cancel()
        report("Of uncertain runs \(await person.done) had had their effect, \(await person.undone) had not.")
        expectFaults(of: plan, tally, decided: await person.done + person.undone)
        try await judge(cast, oracle, countingAt: orders[Cast.counting], during: beginning..<end)
        await cast.pings.end()
    }

    /// Has everybody work, and everything go wrong.
    private func misuse(_ system: FaultySystem, _ plan: FaultPlan, _ cast: Cast, _ tally: Tally) async throws {
        let meddler = try Meddler(system, tally)
        let end = ContinuousClock.now + .seconds(plan.seconds)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for technician in cast.technicians { group.addTask { try await technician.work(until: end) } }
            for member in cast.members { group.addTask { try await member.work(until: end) } }
            group.addTask { try await cast.dispatcher.work(until: end) }
            group.addTask { try await cast.office.retag(until: end) }
            group.addTask { try await cast.office.order(until: end) }
            group.addTask { try await cast.pings.work(until: end, seed: plan.seed) }
            group.addTask {
                try await FaultInjector(system: system, plan: plan, meddler: meddler, tally: tally).run()
            }
            try await group.waitForAll()
        }
        report(tally.description)
        await meddler.end()
    }

    /// A plan that is long enough has faults of each kind, and those that can find nobody befell somebody.
    private func expectFaults(of plan: FaultPlan, _ tally: Tally, decided: Int) {
        guard plan.seconds >= 300 else { return }
        for deed in [Tally.Deed.copies, .cuts, .alarms] { #expect(tally.count(of: deed) > 0, "\(deed.rawValue)") }
        #expect(decided > 0, "uncertain runs about which a person decided")
    }

    /// Compares what has become of everything with what was done.
    private func judge(
        _ cast: Cast,
        _ oracle: Oracle,
        countingAt order: String,
        during span: Range<Int>
    ) async throws {
        let start = ContinuousClock.now
        try await oracle.expectNothingSetAside()
        var written: [String: [String]] = [:]
        for technician in cast.technicians {
            written.merge(await technician.written) { $0 + $1 }
        }
        try await oracle.expectEffects(of: written)
        let ledger = try await Ledger(of: oracle.system)
        try await oracle.expectChanges(ledger)
        oracle.expectPings(await cast.pings.count, ledger)
        try await oracle.expectFirings(ledger, countedAt: order, during: span)
        try await oracle.expectWishes(await cast.dispatcher.wished, ledger)
        try await oracle.expectMixed(await cast.dispatcher.mixed, ledger)
        try await oracle.expectDevices(cast.members)
        try await oracle.expectOrders()
        let wishes = await cast.dispatcher.wished.values.map(\.count).reduce(0, +)
        let notes = written.values.map(\.count).reduce(0, +)
        let time = (ContinuousClock.now - start).components.seconds
        report("\(notes) notes, \(wishes) wishes, \(await cast.pings.count) notifications, compared in \(time) s.")
    }
}

/// Who takes part.
private struct Cast: Sendable {
    let technicians: [Technician]
    let members: [Member]
    let dispatcher: Dispatcher
    let office: Office
    let pings: Pings

    private static let ordersOfEach = 3
    /// The place of the work order at which firings are counted, behind those of the technicians.
    static let counting = 20
    /// The place of the first work order of the office.
    private static let ofOffice = 30

    /// The numbers of work orders in the ERP.
    static func orders(of system: FaultySystem) async throws -> [String] {
        let rows = try await system.erp.ask("GET", "/work-orders?limit=60")["rows"]?.arrayValue ?? []
        let orders = rows.compactMap { $0["number"]?.stringValue }
        try #require(orders.count == 60)
        return orders
    }

    init(_ system: FaultySystem, _ orders: [String], seed: UInt64) async throws {
        var technicians: [Technician] = []
        for (place, name) in ["tina", "tom", "tara"].enumerated() {
            let own = orders[place * Self.ordersOfEach..<(place + 1) * Self.ordersOfEach]
            technicians.append(try await Technician(name, orders: Array(own), on: system, seed: seed &+ UInt64(place)))
        }
        self.technicians = technicians
        let people = try await system.erp.ask("GET", "/technicians?limit=1000")["rows"]?.arrayValue ?? []
        let logins = people.compactMap { $0["login"]?.stringValue }
        members = [
            try await Member("ada", on: system, seed: seed &+ 10),
            try await Member("bob", on: system, seed: seed &+ 11, atSecond: true),
            try await Member("cleo", on: system, seed: seed &+ 12, isLive: true),
            try await Member("dana", on: system, seed: seed &+ 13, atSecond: true, isLive: true),
        ]
        let customers = try await system.erp.ask("GET", "/customers?limit=1")["rows"]?.arrayValue ?? []
        dispatcher = try await Dispatcher(
            customer: try #require(customers.first?["id"]?.stringValue),
            technician: try #require(logins.first),
            on: system,
            seed: seed &+ 20
        )
        office = Office(
            system: system,
            members: members.map(\.name),
            orders: Array(orders.dropFirst(Self.ofOffice)),
            technicians: logins,
            seed: seed
        )
        pings = try Pings(system)
    }
}
