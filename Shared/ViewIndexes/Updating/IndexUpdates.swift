import DocumentStore
import Postgres
import ScriptHosting

/// The updates that run in this process, one for each index, whoever asks for them.
actor IndexUpdates {
    private let updater: IndexUpdater
    private var running: [Int64: Task<Void, any Error>] = [:]
    /// Why an index stands still, and until when nobody tries again.
    private var broken: [Int64: (error: any Error, until: ContinuousClock.Instant)] = [:]

    /// How long an index whose function breaks every limit is left alone.
    private static let rest = Duration.seconds(60)

    init(_ updater: IndexUpdater) {
        self.updater = updater
    }

    /// Runs one update of the index, or waits for the one that runs.
    ///
    /// It goes on when whoever asked for it does not wait any more: others may, and what is done is done.
    func update(_ index: ViewIndex) async throws {
        if let known = broken[index.id] {
            if known.until > .now { throw known.error }
            broken[index.id] = nil
        }
        if let task = running[index.id] { return try await task.value }
        let task = Task { [updater] in try await updater.update(index) }
        running[index.id] = task
        defer { running[index.id] = nil }
        do {
            try await task.value
        } catch let error as ScriptError where error.breaksLimit || error.kind == .compilation {
            broken[index.id] = (error, .now + Self.rest)
            throw error
        }
    }
}
