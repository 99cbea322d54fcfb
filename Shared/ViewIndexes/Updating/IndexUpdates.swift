/// The updates that run in this process, one for each index, whoever asks for them.
actor IndexUpdates {
    private let updater: IndexUpdater
    private var running: [Int64: Task<Bool, any Error>] = [:]

    init(_ updater: IndexUpdater) {
        self.updater = updater
    }

    /// Runs one update of the index, or waits for the one that runs.
    ///
    /// It goes on when whoever asked for it does not wait any more: others may, and what is done is done.
    ///
    /// - Returns: False when another process is doing so.
    @discardableResult
    func update(_ index: ViewIndex) async throws -> Bool {
        if let task = running[index.id] { return try await task.value }
        let task = Task { [updater] in try await updater.update(index) }
        running[index.id] = task
        defer { running[index.id] = nil }
        return try await task.value
    }
}
