/// The updates that run in this process, one for each index, whoever asks for them.
actor IndexUpdates {
    /// An update with those who wait for it.
    struct Update: Sendable {
        fileprivate let task: Task<Bool, any Error>
        /// Ends when the update has, and is not among the running ones any more.
        fileprivate let end: Task<Void, Never>
        /// By their numbers; none of one that was cancelled.
        fileprivate(set) var waiters: [Int: AsyncStream<Never>.Continuation] = [:]
    }

    private let updater: IndexUpdater
    private(set) var running: [Int64: Update] = [:]
    private var count = 0

    init(_ updater: IndexUpdater) {
        self.updater = updater
    }

    /// Runs one update of the index, or waits for the one that runs.
    ///
    /// It goes on as long as somebody waits for it. Who is cancelled waits no longer; only the last one waits until the
    /// update, which is cancelled then, has given its index back. What was written stays.
    ///
    /// - Returns: False when another process is doing so.
    @discardableResult
    func update(_ index: ViewIndex) async throws -> Bool {
        try Task.checkCancellation()
        // One that nobody waits for is ending.
        while let update = running[index.id], update.waiters.isEmpty { await update.end.value }
        let update = running[index.id] ?? begin(index)
        count += 1
        let number = count
        let (stream, continuation) = AsyncStream<Never>.makeStream()
        running[index.id]?.waiters[number] = continuation
        // Ends with the update, or when this task is cancelled.
        for await _ in stream {}
        guard running[index.id]?.waiters.removeValue(forKey: number) != nil else { return try await update.task.value }
        if running[index.id]?.waiters.isEmpty ?? false {
            update.task.cancel()
            await update.end.value
        }
        throw CancellationError()
    }

    private func begin(_ index: ViewIndex) -> Update {
        let task = Task { [updater] in try await updater.update(index) }
        let end = Task {
            _ = await task.result
            for waiter in running.removeValue(forKey: index.id)?.waiters.values ?? [:].values { waiter.finish() }
        }
        let update = Update(task: task, end: end)
        running[index.id] = update
        return update
    }
}
