import JSON

/// Changes through a listener, its sequence and an HTTP back end, one request for each.
struct BackEndCase: BenchCase {
    static let name = "back-end"

    func measure(_ stage: BenchStage) async throws -> [BenchLine] {
        let count = stage.scaled(20_000)
        let events = try await EventStage.deploy(EventFiles.calling, on: stage)
        let clock = ContinuousClock()
        let time = try await clock.measure {
            try await events.write(count)
            try await events.wait(for: "call", done: true)
        }
        try await events.end()
        let rate = Double(count) / (time / .seconds(1))
        return [
            BenchLine(
                title: "\(count) changes → sequence → HTTP",
                own: "\(Int(rate))/s",
                target: "≥ 500/s",
                isMet: rate >= 500
            )
        ]
    }
}

/// Projects that several cases have.
enum EventFiles {
    /// A listener whose sequence asks the back end once for each change.
    static let calling = [
        (
            "sequences/call.yaml",
            """
            timeout: 2m
            variables: {doc: {type: object, multi: true}}
            steps:
              - forEach: doc
                item: change
                do:
                  - callTransaction: erp.teams
            """
        ),
        ("listeners/call.yaml", "database: DATABASE\nall: true\norigin: any\nsequence: call\n"),
    ]
}
