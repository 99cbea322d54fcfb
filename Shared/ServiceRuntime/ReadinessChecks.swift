import Synchronization

/// A readiness check that did not pass.
package struct ReadinessFailure: Hashable, Sendable {
    package let check: String
    /// Why, in words that show no secret.
    package let reason: String
}

/// Thrown by a readiness check, with a reason that may be shown to anyone who asks `/_up`.
package struct NotReady: Error, CustomStringConvertible {
    package let reason: String

    package init(_ reason: String) {
        self.reason = reason
    }

    package var description: String { reason }
}

/// The questions whose answers decide whether a process is ready.
package final class ReadinessChecks: Sendable {
    /// Really tries what the service needs; throws when it fails.
    package typealias Check = @Sendable () async throws -> Void

    /// How long one check may take.
    private let limit: Duration
    private let state = Mutex(State())

    private struct State {
        var checks: [(name: String, check: Check)] = []
        /// A check that hangs is not started again: whoever asks next waits for the same attempt.
        var running: [String: Task<ReadinessFailure?, Never>] = [:]
    }

    package init(limit: Duration = .seconds(5)) {
        self.limit = limit
    }

    /// Adds a check; its name tells what failed.
    package func add(_ name: String, _ check: @escaping Check) {
        state.withLock { $0.checks.append((name, check)) }
    }

    /// Runs all checks at once and gives back those that failed, in the order in which they were added.
    package func failures() async -> [ReadinessFailure] {
        let attempts = state.withLock { state in
            state.checks.map { name, check in (name, attempt(name, check, in: &state)) }
        }
        var failures: [ReadinessFailure] = []
        let deadline = ContinuousClock.now + limit
        for (name, attempt) in attempts {
            let late = ReadinessFailure(check: name, reason: "no answer within \(limit)")
            if let failure = await value(of: attempt, until: deadline, otherwise: late) { failures.append(failure) }
        }
        return failures
    }

    private func attempt(
        _ name: String,
        _ check: @escaping Check,
        in state: inout State
    ) -> Task<ReadinessFailure?, Never> {
        if let running = state.running[name] { return running }
        let task = Task { () -> ReadinessFailure? in
            defer { self.state.withLock { $0.running[name] = nil } }
            do {
                try await check()
                return nil
            } catch let error as NotReady {
                return ReadinessFailure(check: name, reason: error.reason)
            } catch {
                // The text of an error that is not ours may show what it should not.
                return ReadinessFailure(check: name, reason: "failed with \(type(of: error))")
            }
        }
        state.running[name] = task
        return task
    }
}

/// The task's value, or another one when the time is over; the task goes on.
private func value<Value: Sendable>(
    of task: Task<Value, Never>,
    until deadline: ContinuousClock.Instant,
    otherwise late: Value
) async -> Value {
    let (values, continuation) = AsyncStream.makeStream(of: Value.self, bufferingPolicy: .bufferingOldest(1))
    let timer = Task {
        try? await Task.sleep(until: deadline, clock: .continuous)
        continuation.yield(late)
        continuation.finish()
    }
    Task {
        continuation.yield(await task.value)
        continuation.finish()
    }
    defer { timer.cancel() }
    for await value in values { return value }
    return late
}
