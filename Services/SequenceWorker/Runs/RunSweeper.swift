import ControlStore
import Logging
import Messaging
import ServiceLifecycle
import ServiceRuntime

/// Tells workers of the runs that are due and that nobody comes for: retries whose time has come, runs of workers that
/// died, and messages that were lost with the broker.
struct RunSweeper: Service {
    let broker: MessageBroker
    let control: ControlStore
    let slots: RunSlots
    let retention: Duration
    let logger: Logger

    /// How often it looks, and how long a run that was told of is left alone.
    private static let period = Duration.milliseconds(500)
    private static let patience = Duration.seconds(20)
    private static let batch = 1_000
    /// As many runs of a line as wait here already are enough until the next look.
    private static let enough = 250
    /// How many are told at once: as many as a broker takes within the time of a hint, also when it is slow.
    private static let breath = 100
    private static let pruningBatch = 5_000
    /// How many looks lie between two clean-ups of old rows.
    private static let looksBetweenPrunings = 600

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var (looks, places) = (0, DuePlaces())
            while !Task.isCancelled {
                do {
                    // Several workers look: they should not look at the same moments.
                    try await Task.sleep(for: Self.period * .random(in: 0.7...1.3))
                    places = try await sweep(from: places)
                    looks += 1
                    if looks % Self.looksBetweenPrunings == 0 { try await prune() }
                } catch is CancellationError {
                    return
                } catch {
                    logger.warning("Due runs could not be announced", metadata: ["error": "\(error)"])
                }
            }
        }
    }

    /// Tells of the runs that are due.
    ///
    /// - Parameter places: Where the sweep before this one ended.
    /// - Returns: Where this one ended.
    func sweep(from places: DuePlaces) async throws -> DuePlaces {
        // Whoever has its hands full would only make the queue longer, which is long already.
        guard slots.hasRoom else { return places }
        // A run that was told of is left alone for a while, also when nobody could hear it.
        guard broker.state == .connected else { return places }
        let due = try await control.dueRuns(
            limit: Self.batch,
            patience: Self.patience,
            // Of a line that has its share, and more in line for it, nothing is gained by telling of yet more.
            besides: slots.lines(waiting: Self.enough),
            from: places
        )
        var rest = due.runs[...]
        while !rest.isEmpty {
            try await broker.tellWorkers(of: Array(rest.prefix(Self.breath)))
            rest = rest.dropFirst(Self.breath)
        }
        return due.places
    }

    private func prune() async throws {
        _ = try await control.failAbandonedCalls()
        while try await control.pruneRuns(olderThan: retention, limit: Self.pruningBatch) == Self.pruningBatch {}
        try await control.pruneSessions()
    }
}
