import Metrics

extension PostgresClient {
    /// Runs `body` in a transaction, and again, up to `attempts` times in all, when it lost against another one
    /// (SQLSTATE 40001 or 40P01) or when its connection broke before its COMMIT was sent.
    ///
    /// `body` must therefore have no effect but through its connection. When its last attempt fails, its error is
    /// thrown. A COMMIT whose answer never came is ``PostgresError/commitOutcomeUnknown(_:)`` and not run again.
    @discardableResult
    package func transaction<Value: Sendable>(
        _ isolation: PostgresIsolation = .readCommitted,
        attempts: Int = 5,
        _ body: (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        let start = ContinuousClock.now
        defer { metrics.transaction.record(since: start) }
        var backoff = Backoff(from: .milliseconds(5), to: .milliseconds(500))
        var attempt = 1
        while true {
            switch try await self.attempt(isolation, body) {
            case .committed(let value):
                return value
            case .failed(let error, let mayRetry):
                guard mayRetry, attempt < attempts else {
                    if let error = error as? PostgresError { metrics.count(error) }
                    throw error
                }
                attempt += 1
                metrics.retries.increment()
                do { try await Task.sleep(for: backoff.pause()) } catch { throw PostgresError.cancelled }
            }
        }
    }

    private enum Attempt<Value: Sendable>: Sendable {
        case committed(Value)
        case failed(any Error, mayRetry: Bool)
    }

    private func attempt<Value: Sendable>(
        _ isolation: PostgresIsolation,
        _ body: (PostgresConnection) async throws -> Value
    ) async throws -> Attempt<Value> {
        try await lend { connection in
            do {
                return .committed(try await connection.transaction(isolation, body))
            } catch {
                // The body may have made an error of its own of the failure; the connection remembers.
                let hasLost = await connection.transactionFailure?.isRetryable ?? false
                return .failed(error, mayRetry: hasLost || (error as? PostgresError)?.isRetryable ?? false)
            }
        }
    }
}
