import TestSupport
import Testing

extension SystemTests {
    /// Many devices of several users, at random.
    ///
    /// Each is a process that is killed between two writes of its files or at any other moment, runs out of room, has
    /// a clock that is wrong by years, and talks over a network that cuts and swallows what is under way. Meanwhile
    /// rights come and go. `FULLSYNC_TEST_FLEET_ROUNDS` makes it longer.
    @Suite(.timeLimit(.minutes(120))) struct DeviceFleetTests {
        @Test func `whatever befalls devices, each has what its user may read in the end, and no edit is lost`()
            async throws
        {
            let fleet = try await DeviceFleet(SeededGenerator.announced())
            defer { fleet.network.close() }
            for _ in 0..<DeviceFleet.rounds { try await fleet.round() }
            let databases = try await fleet.settle()
            try await fleet.expectRights()
            try await fleet.expectFiles()
            try await fleet.expectEqual(databases)
            try await fleet.expectNoLoss(databases)
            let logs = fleet.logs
            print(
                "fleet: \(logs.flatMap(\.edits).count) edits, \(logs.count { $0.isKilled }) of \(logs.count) killed,",
                "\(fleet.network.faults) of \(fleet.network.connections) connections ill-treated,",
                "\(logs.map(\.refusals).reduce(0, +)) writes to a full disk"
            )
            #expect(logs.contains { $0.isKilled } && logs.contains { !$0.edits.isEmpty })
            #expect(fleet.network.faults > 0)
        }
    }
}
