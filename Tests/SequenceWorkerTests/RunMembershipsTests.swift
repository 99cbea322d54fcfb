import ControlStore
import DocumentStore
import JSON
import Postgres
import TestSupport
import Testing

@testable import SequenceWorker

/// Who is in which group, as runs say, whatever becomes of their workers.
@Suite(.database) struct RunMembershipsTests {
    private func memberships(_ test: TestRun) -> RunMemberships {
        RunMemberships(run: test.run, store: test.store, control: test.control)
    }

    @Test func `a worker that has lost its run changes no rights`() async throws {
        try await TestRun.with { sleeper in
            let heir = try await sleeper.next()
            #expect(try await memberships(heir).set("ann", in: "red", to: true, step: "1"))
            #expect(try await memberships(heir).set("ann", in: "red", to: false, step: "2"))
            await #expect(throws: ClaimLost.self) {
                try await memberships(sleeper).set("ann", in: "red", to: true, step: "3")
            }
            await #expect(throws: ClaimLost.self) {
                try await memberships(sleeper).set(groups: ["red"], ofLogin: "ann")
            }
            #expect(try await heir.store.groups(of: "ann").isEmpty)
            try await memberships(heir).set(groups: ["blue"], ofLogin: "ann")
            #expect(try await heir.store.groups(of: "ann") == ["blue"])
        }
    }

    @Test func `what a step has changed it answers again, whoever died behind it`() async throws {
        try await TestRun.with { first in
            #expect(try await memberships(first).set("ann", in: "red", to: true, step: "1"))
            // Its answer is committed with it.
            let second = try await first.next()
            #expect(try await memberships(second).set("ann", in: "red", to: true, step: "1"))
            #expect(!(try await memberships(second).set("ann", in: "red", to: true, step: "2")))
            let third = try await second.next()
            #expect(!(try await memberships(third).set("ann", in: "red", to: true, step: "2")))
        }
    }
}
