import CPostgres
import Synchronization

extension PostgresConnection {
    /// Runs `body` in a transaction: committed when it returns, rolled back when it throws.
    ///
    /// It is not run again when it loses against another one; ``PostgresClient/transaction(_:attempts:_:)`` does that.
    @discardableResult
    package nonisolated func transaction<Value: Sendable>(
        _ isolation: PostgresIsolation = .readCommitted,
        _ body: (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        try await begin(isolation)
        let value: Value
        do {
            value = try await body(self)
        } catch {
            await rollback()
            throw error
        }
        try await commit()
        return value
    }

    /// Runs `body` in a part of the present transaction that can fail alone: when it throws, what it did is undone and
    /// the transaction goes on.
    @discardableResult
    package nonisolated func savepoint<Value: Sendable>(
        _ body: (PostgresConnection) async throws -> Value
    ) async throws -> Value {
        try await execute("SAVEPOINT part")
        let value: Value
        do {
            value = try await body(self)
        } catch {
            try await undoSavepoint()
            throw error
        }
        try await execute("RELEASE SAVEPOINT part")
        return value
    }

    /// Limits the time of each statement up to the end of the present transaction; `nil` is without limit.
    package func limitStatements(to timeout: Duration?) async throws(PostgresError) {
        try await execute("SET LOCAL statement_timeout = \(unescaped: String(timeout?.milliseconds ?? 0))")
        limit = timeout.map { $0 + .seconds(5) }
    }

    /// Notes that a transaction starts; the server hears of it with the first statement, in the same round trip.
    private func begin(_ isolation: PostgresIsolation) throws(PostgresError) {
        guard try handle().transactionStatus == PQTRANS_IDLE, deferredBegin == nil else {
            throw .misuse("a transaction within a transaction; use savepoint")
        }
        transactionFailure = nil
        deferredBegin = "BEGIN ISOLATION LEVEL \(isolation.rawValue)"
        updateCleanliness()
    }

    /// Sends a `BEGIN` that is still due, before what cannot be sent in one pipeline with it.
    func sendDeferredBegin(_ handle: ConnectionHandle) throws(PostgresError) {
        guard let begin = deferredBegin else { return }
        for outcome in try handle.pipeline([.control(begin)]) {
            if case .failed(let error) = outcome { throw error }
        }
        deferredBegin = nil
    }

    private func commit() async throws(PostgresError) {
        limit = Self.defaultLimit(configuration)
        if deferredBegin != nil {
            deferredBegin = nil
            updateCleanliness()
            return
        }
        guard try handle().transactionStatus == PQTRANS_INTRANS else {
            rollback()
            throw .misuse(
                "the transaction had failed with \(transactionFailure?.sqlState.rawValue ?? "an error") before its end"
            )
        }
        // Not interruptible: a cancelled COMMIT would leave its outcome open.
        do throws(PostgresError) {
            let tag = try control("COMMIT")
            guard tag == "COMMIT" else { throw .misuse("the transaction was rolled back at its end") }
        } catch {
            if case .connectionLost(let reason) = error { throw .commitOutcomeUnknown(reason) }
            if case .timedOut = error { throw .commitOutcomeUnknown("the server did not answer in time") }
            throw error
        }
    }

    /// Ends the transaction without effect; when that fails, the connection is thrown away, which ends it too.
    private func rollback() {
        limit = Self.defaultLimit(configuration)
        deferredBegin = nil
        defer { updateCleanliness() }
        guard case .connected(let handle) = state else { return }
        do throws(PostgresError) {
            if isExchanging { try perform(interruptible: false) { _ in } }
            guard handle.transactionStatus != PQTRANS_IDLE else { return }
            _ = try control("ROLLBACK")
        } catch {
            close()
        }
    }

    private func undoSavepoint() throws(PostgresError) {
        _ = try control("ROLLBACK TO SAVEPOINT part")
        _ = try control("RELEASE SAVEPOINT part")
        transactionFailure = nil
    }

    /// Sends a transaction command that a cancelled task still needs done; its tag.
    private func control(_ sql: String) throws(PostgresError) -> String {
        try perform(interruptible: false) { handle throws(PostgresError) in
            var tag = ""
            for outcome in try handle.pipeline([.control(sql)]) {
                switch outcome {
                case .succeeded(let result): tag = result.commandTag
                case .failed(let error): throw error
                case .skipped: break
                }
            }
            return tag
        }
    }

    /// Brings the connection back to where it can be lent to somebody else; `false` when it must be thrown away.
    func recover() -> Bool {
        if case .connected = state { rollback() }
        return isClean.load(ordering: .acquiring)
    }
}
