import Contracts
import ControlStore
import CouchProtocol
import DocumentStore
import JSON
import Logging
import Postgres
import Projects

/// Finds out which committed changes a listener is for, and makes the runs of its sequence.
///
/// The runs and the move of the listener's position are one transaction: each change that matches starts its sequence
/// once, whatever dies. The message that tells the workers comes after and may be lost; the row is found without it.
struct ListenerMatcher: Sendable {
    let runs: ListenerRuns
    let filter: ListenerFilter
    let store: DocumentStore
    let control: ControlStore
    let announce: @Sendable ([String]) async throws -> Void
    let logger: Logger

    private var listener: Listener { runs.listener }
    private var follower: String { runs.name }

    /// Handles the changes some at a time: as many as fit into memory with their documents.
    func handle(_ changes: [CommittedChange], _ database: Database, _ position: Position, _ lease: Lease) async throws {
        let documents = CommittedDocuments(store: store, database: database)
        var rest = withoutEchoes(changes.filter(isWanted))[...]
        repeat {
            let part = rest.prefix(try await documents.fitting(Array(rest)))
            rest = rest.dropFirst(part.count)
            let end = rest.isEmpty ? position.seq : part.last?.seq ?? position.seq
            let place = Position(incarnation: position.incarnation, seq: end)
            try await start(runs.runs(of: try await match(Array(part), documents)), in: database, place, lease)
        } while !rest.isEmpty
    }

    /// Makes the runs and moves the position, both or neither.
    private func start(_ made: [NewRun], in database: Database, _ position: Position, _ lease: Lease) async throws {
        let ids = try await control.client.transaction { connection in
            let inserts = made.isEmpty ? [] : control.insert(made)
            let move = control.move(follower, in: database.name, to: position, under: lease)
            // The move comes first and holds the lease: who puts a run back in line waits for that, or is before it.
            let answers = try await connection.pipeline([move] + inserts)
            guard answers.first?.affected == 1 else { throw LeaseLost(lease) }
            // Those that were made as failed are nobody's to begin.
            return made.filter { $0.failure == nil }.map(\.id)
        }
        guard !ids.isEmpty else { return }
        logger.info(
            "Changes matched a listener",
            metadata: ["listener": "\(follower)", "through": "\(position.seq)", "runs": "\(ids.count)"]
        )
        do {
            try await announce(ids)
        } catch {
            logger.warning("The workers were not told of new runs; they look for themselves", error: error)
        }
    }

    /// Whether the change is of the kind and the origin that the listener is for.
    private func isWanted(_ change: CommittedChange) -> Bool {
        guard !change.id.isDesign else { return false }
        guard listener.origin == .any || change.origin == ChangeEvent.Origin.device.rawValue else { return false }
        return listener.events.contains(change.isDeleted ? .delete : .update)
    }

    /// The changes but those that the listener's own runs have written, themselves or through other listeners: it would
    /// run for ever.
    private func withoutEchoes(_ changes: [CommittedChange]) -> [CommittedChange] {
        let rest = changes.filter { !$0.lineage.contains(follower) }
        if rest.count < changes.count {
            logger.debug(
                "A listener does not hear what it wrote itself",
                metadata: ["listener": "\(follower)", "changes": "\(changes.count - rest.count)"]
            )
        }
        return rest
    }

    private func match(_ changes: [CommittedChange], _ documents: CommittedDocuments) async throws -> [MatchedChange] {
        guard !changes.isEmpty else { return [] }
        let candidates = try await documents.documents(of: changes)
        let verdicts = try await filter.verdicts(on: candidates.map { .object($0.document) })
        return zip(candidates, verdicts).compactMap { candidate, verdict in
            switch verdict {
            case .matches: return candidate
            case .doesNotMatch: return nil
            case .undecided(let error):
                // A person decides: a change that was left out would be lost.
                var candidate = candidate
                candidate.failure = Failure(
                    code: "view",
                    message: "The listener's view cannot do with the document: \(error)."
                )
                return candidate
            }
        }
    }
}
