/// Runs work that ends when its task is cancelled, and cancels it at the deadline, which is a timeout.
func withDeadline<Value: Sendable>(
    _ deadline: ContinuousClock.Instant,
    _ work: @escaping @Sendable () async throws -> Value
) async throws -> Value {
    guard ContinuousClock.now < deadline else { throw ExchangeFailure.timeout }
    return try await withThrowingTaskGroup(of: Value.self) { group in
        group.addTask { try await work() }
        group.addTask {
            try await Task.sleep(until: deadline, clock: .continuous)
            throw ExchangeFailure.timeout
        }
        defer { group.cancelAll() }
        guard let value = try await group.next() else { throw ExchangeFailure.cancelled }
        return value
    }
}
