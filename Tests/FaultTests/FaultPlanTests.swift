import Testing

@Suite struct FaultPlanTests {
    @Test(arguments: 0..<200 as Range<UInt64>) func `a seed repeats its plan, which has faults of many kinds`(
        _ seed: UInt64
    ) {
        let short = FaultPlan(seed: seed, seconds: 20)
        #expect(short.events == FaultPlan(seed: seed, seconds: 20).events)
        #expect(short.events.allSatisfy { $0.second < 20 })
        #expect(kinds(of: short).count >= 3)
        let long = FaultPlan(seed: seed, seconds: 120)
        let all: Set = ["kill", "freeze", "crash", "restart", "wipe", "memory", "cut", "way", "hold"]
        #expect(kinds(of: long) == all)
    }

    /// The first words of what happens.
    private func kinds(of plan: FaultPlan) -> Set<String> {
        Set(plan.events.map { String($0.fault.description.prefix { $0 != " " }) })
    }
}
