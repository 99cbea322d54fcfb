import Contracts
import ControlStore
import JSON
import Logging
import TestSupport
import Testing

@testable import SequenceWorker

/// Which work a cancel ends, and how work learns that its run is another worker's.
@Suite struct RunCancellationTests {
    private typealias Work = RunCancellations.Work

    private func work(claim: Int64, isAwaited: Bool = false) -> Work {
        let run = ClaimedRun(
            id: "r",
            claim: claim,
            project: "p",
            version: 1,
            sequence: "s",
            cause: .call,
            source: "",
            user: nil,
            isAdministrator: false,
            variables: [:],
            attempt: 1,
            traceID: "t"
        )
        return Work(run, isAwaited: isAwaited)
    }

    /// Whether the work is ended by what was heard before it began.
    private func isEnded(_ work: Work, by event: ControlEvent) async throws -> Bool {
        let cancellations = RunCancellations()
        cancellations.hear(event)
        do {
            try await cancellations.heeding(work) {}
            return false
        } catch is RunCancellations.Cancelled {
            return true
        }
    }

    @Test func `a cancel means the claims until then, and not that of a run that was put back in line`() async throws {
        let event = ControlEvent.cancelled(run: "r", claim: 2)
        #expect(try ControlEvent(body: event.body) == event)
        #expect(try await isEnded(work(claim: 1), by: event))
        #expect(try await isEnded(work(claim: 2), by: event))
        #expect(try await !isEnded(work(claim: 3), by: event))
        #expect(try await !isEnded(work(claim: 1), by: .cancelled(run: "other", claim: 2)))
    }

    @Test func `a caller who hangs up means the call, and not a run that a person repeats`() async throws {
        let event = ControlEvent.cancelled(run: "r", claim: nil)
        #expect(try ControlEvent(body: event.body) == event)
        #expect(try await isEnded(work(claim: 1, isAwaited: true), by: event))
        #expect(try await !isEnded(work(claim: 2), by: event))
    }

    @Test func `work that goes on is ended, unless an earlier claim was meant`() async throws {
        let cancellations = RunCancellations()
        try await cancellations.heeding(work(claim: 3)) {
            cancellations.hear(.cancelled(run: "r", claim: 2))
            try Task.checkCancellation()
        }
        await #expect(throws: RunCancellations.Cancelled.self) {
            try await cancellations.heeding(work(claim: 1)) {
                cancellations.hear(.cancelled(run: "r", claim: 2))
                try await Task.sleep(for: .seconds(3_600))
            }
        }
    }
}

/// What becomes of the work when its claim is lost.
@Suite(.database) struct ClaimKeeperTests {
    @Test func `work under a claim that was lost is stopped, and says why`() async throws {
        try await TestRun.with { run in
            let keeper = ClaimKeeper(
                control: run.control,
                worker: "w",
                lease: .milliseconds(30),
                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }
            )
            let work = Task {
                try await keeper.keeping(run.run) { try await Task.sleep(for: .seconds(3_600)) }
            }
            _ = try await run.next()
            let renewing = Task { try await keeper.run() }
            await #expect(throws: ClaimLost.self) { try await work.value }
            renewing.cancel()
            _ = await renewing.result
        }
    }
}
