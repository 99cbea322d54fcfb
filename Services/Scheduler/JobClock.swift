import ControlStore
import Foundation
import Logging
import Messaging
import Projects
import Schedules
import ServiceLifecycle
import ServiceRuntime

/// Looks four times a second which jobs are due, and makes their runs.
///
/// The time is PostgreSQL's, the same for every scheduler, carried on by this process's steady clock between two
/// questions. What is decided is in PostgreSQL alone (``FiringDecisions``); the agenda only says when to look, so that
/// a look costs next to nothing while no job is due.
struct JobClock: Service {
    let broker: MessageBroker
    let control: ControlStore
    let catalogue: ProjectCatalogue
    let logger: Logger

    private static let period = Duration.milliseconds(250)
    /// How long the decisions about firings are kept; no scheduler comes back from further.
    private static let retention = Duration.seconds(30 * 86_400)
    private static let looksBetweenPrunings = 10_000
    /// How many looks lie between two questions which jobs rest, and what time it is.
    private static let looksBetweenQuestions = 4
    /// How many jobs are decided at once.
    private static let concurrency = 8

    /// What one look leaves to the next.
    private struct Memory {
        var versions: [String: Int] = [:]
        var resting: Set<String> = []
        var agenda = JobAgenda()
        /// The time by PostgreSQL's clock, and when it was asked.
        var time: (date: Date, asked: ContinuousClock.Instant)?
        var looks = 0
    }

    func run() async throws {
        await cancelWhenGracefulShutdown {
            var memory = Memory()
            while !Task.isCancelled {
                do {
                    try await look(&memory)
                    memory.looks += 1
                    if memory.looks % Self.looksBetweenPrunings == 0 {
                        try await control.pruneFirings(olderThan: Self.retention)
                    }
                } catch is CancellationError {
                    return
                } catch {
                    // Whatever was decided meanwhile is read again.
                    memory = Memory()
                    logger.warning("The jobs could not be looked at", metadata: ["error": "\(error)"])
                }
                try? await Task.sleep(for: Self.period)
            }
        }
    }

    private func look(_ memory: inout Memory) async throws {
        let live = catalogue.current
        let versions = live.mapValues(\.version)
        var resting = memory.resting
        if memory.looks % Self.looksBetweenQuestions == 0 || memory.time == nil {
            resting = Set(try await control.pauses(.job).map { ControlStore.key(ofJob: $0.name, of: $0.project) })
            memory.time = (try await control.now(), .now)
        }
        guard let time = memory.time else { return }
        let now = Timestamp(time.date + (ContinuousClock.now - time.asked).seconds)
        if versions != memory.versions || resting != memory.resting {
            memory.agenda = JobAgenda(
                live.values.map(\.project),
                resting: resting,
                decided: try await control.decidedUntil(),
                now: now
            )
            (memory.versions, memory.resting) = (versions, resting)
        }
        let due = memory.agenda.due(at: now)
        guard !due.isEmpty else { return }
        memory.agenda.note(try await decide(due, of: memory.agenda, now: now))
    }

    /// A decision about the job of that place: when it is due next, and its new runs.
    private typealias Decided = (place: Int, next: Timestamp?, runs: [String])

    /// Decides jobs that are due, some at a time, and tells workers of their runs.
    ///
    /// Telling holds up no decision: together it takes a moment at most, also while the broker does not answer.
    ///
    /// - Returns: When each is due next.
    func decide(
        _ places: [Int],
        of agenda: JobAgenda,
        now: Timestamp
    ) async throws -> [(place: Int, next: Timestamp?)] {
        let decisions = FiringDecisions(control: control, logger: logger)
        return try await withThrowingTaskGroup(of: Decided?.self) { group in
            var waiting = places[...]
            func begin() {
                guard let place = waiting.popFirst() else { return }
                let entry = agenda.entries[place]
                group.addTask {
                    let decision = try await decisions.decide(entry.job, of: entry.project, now: now)
                    return (place, decision.next, decision.runs)
                }
            }
            for _ in 0..<Self.concurrency { begin() }
            var times: [(place: Int, next: Timestamp?)] = []
            var failure: (any Error)?
            while let result = await group.nextResult() {
                // One that cannot be decided keeps no other from its time.
                switch result {
                case .success(let decided?):
                    times.append((decided.place, decided.next))
                    group.addTask {
                        await announce(decided.runs)
                        return nil
                    }
                case .success(nil): continue
                case .failure(let error): failure = failure ?? error
                }
                begin()
            }
            if let failure { throw failure }
            return times
        }
    }

    /// Tells workers of new runs; they find those that they were not told of.
    private func announce(_ runs: [String]) async {
        do {
            try await broker.tellWorkers(of: runs)
        } catch {
            logger.warning("The workers were not told of new runs; they look for themselves", error: error)
        }
    }
}
