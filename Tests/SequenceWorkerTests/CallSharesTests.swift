import Contracts
import ControlStore
import JSON
import Messaging
import TestMessaging
import TestSupport
import Testing

@testable import SequenceWorker

/// How projects share the places that a worker has for calls.
@Suite(.database, .virtualHost, .timeLimit(.minutes(10))) struct CallSharesTests {
    @Test func `a project has half of the places, and others have the rest`() {
        let shares = CallShares(8)
        #expect((0..<6).map { _ in shares.begin("a") } == [true, true, true, true, false, false])
        #expect((0..<6).map { _ in shares.begin("b") } == [true, true, true, true, false, false])
        shares.end("a")
        #expect(!shares.begin("b") && shares.begin("a") && !shares.begin("a"))
        #expect(CallShares(1).begin("a") && CallShares(1).ofProject == 1)
    }

    @Test func `slow calls of one project take its places and those for what is over, and none of another's`()
        async throws
    {
        try await TestWorker.with(places: 4, shares: true) { worker in
            let runs = (0..<7).map { _ in RunID.next() }
            try await worker.taking {
                let calls = runs.map { run in
                    Task { try await worker.failure(of: worker.call("wait", ["variables": ["until": "go"]], run: run)) }
                }
                try await eventually("two have its places, and two those for what is over") {
                    try await worker.begun(runs) == 4
                }
                // As many as a worker has places are under way: more would find none.
                #expect(try await worker.failure(of: worker.call("greet", ["project": "office"])) == nil)
                #expect(try await worker.begun(runs) == 4)
                try await worker.put("go")
                for call in calls { #expect(try await call.value == nil) }
            }
            for run in runs { #expect(try await worker.attempts(at: run) == 1) }
        }
    }

    @Test func `what is over is the same call in another queue, which knows how often it came`() async throws {
        try await TestWorker.with(shares: true, takesHeld: false) { worker in
            try await worker.taking {
                let first = RunID.next()
                async let waiting = worker.failure(of: worker.call("wait", ["variables": ["until": "go"]], run: first))
                try await eventually("the project has its place") { try await worker.attempts(at: first) == 1 }
                var made = worker.call("greet", ["variables": ["name": "ann"]])
                (made.messageID, made.headers["x-delivery-count"]) = ("m", .int(3))
                let call = made
                async let answer = worker.answer(call)
                let held = try #require(try await worker.broker.take(1, from: QueueName.heldCalls).first)
                #expect(held.body == call.body && held.messageID == "m")
                #expect(held.headers == [HeaderName.earlierDeliveries: .int(3)])
                let told = SequenceAnswer(run: "", outcome: .failed(Failure(code: "seen", message: "")))
                try await worker.broker.reply(to: held, body: told.body)
                guard case .failed(let failure) = try await answer else {
                    Issue.record("it was done")
                    return
                }
                #expect(failure.code == "seen")
                try await worker.put("go")
                #expect(try await waiting == nil)
            }
        }
    }

    @Test func `a call that came often before it was put aside is set aside as one that came often`() async throws {
        try await TestWorker.with { worker in
            var call = worker.call("greet")
            call.headers = [
                HeaderName.earlierDeliveries: .int(4), "x-delivery-count": .int(Int64(Topology.callDeliveries - 4)),
            ]
            let code = try await worker.taking { try await worker.failure(of: call) }
            #expect(code == "worker_lost")
        }
    }
}

extension TestWorker {
    /// How many of the runs have begun.
    fileprivate func begun(_ runs: [String]) async throws -> Int {
        var count = 0
        for run in runs where try await attempts(at: run) == 1 { count += 1 }
        return count
    }
}
