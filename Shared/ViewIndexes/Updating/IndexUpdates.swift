/// The updates that run in this process, one for each index, whoever asks for them.
actor IndexUpdates {
    private let updater: IndexUpdater
    private var running: [Int64: Task<Void, any Error>] = [:]

    init(_ updater: IndexUpdater) {
        self.updater = updater
    }

    /// Runs one update of the index, or waits for the one that runs.
    ///
    /// It goes on when whoever asked for it does not wait any more: others may, and what is done is done.
    func update(_ index: ViewIndex) async throws {
        if let task = running[index.id] { return try await task.value }
        let task = Task { [updater] in try await updater.update(index) }
        running[index.id] = task
        defer { running[index.id] = nil }
        try await task.value
    }
}
