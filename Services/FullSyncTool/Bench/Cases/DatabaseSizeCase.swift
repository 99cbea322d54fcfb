/// The same first pull from databases of 10,000, 100,000 and 1,000,000 documents: the cost follows the result.
struct DatabaseSizeCase: BenchCase {
    static let name = "size"

    func measure(_ stage: BenchStage) async throws -> [BenchLine] {
        var counts = [10_000, 100_000].map(stage.scaled)
        if stage.isFull { counts.append(stage.scaled(1_000_000)) }
        var sets: [OwnedSet] = []
        for count in counts { sets.append(try await OwnedSet(stage, count: count, on: [stage.own])) }
        var times = sets.map { _ in [Duration]() }
        // The first pull of each warms what the others found warm.
        for round in 0...stage.rounds * 4 {
            for (index, set) in sets.enumerated() {
                let pull = try await set.reader(on: stage.own).pull()
                guard pull.ids == set.ids else { throw DemoFailure("a pull brought \(pull.ids.count) documents") }
                if round > 0 { times[index].append(pull.duration) }
            }
        }
        let medians = times.map { Figures($0).median }
        let spread = (medians.max() ?? .zero) / (medians.min() ?? .seconds(1))
        return [
            BenchLine(
                title: "first pull of 100 of " + counts.map(String.init).joined(separator: ", "),
                own: medians.map(\.short).joined(separator: ", "),
                result: "\(spread.short) ×",
                target: "≤ 1.25 ×",
                isMet: spread <= 1.25
            )
        ]
    }
}
