import Contracts
import ControlStore
import CouchProtocol
import DocumentStore
import JSON
import Logging
import Postgres
import Projects
import ScriptHosting

/// Finds out which committed changes a listener is for, and makes the runs of its sequence.
///
/// The runs and the move of the listener's position are one transaction: each change that matches starts its sequence
/// once, whatever dies. The message that tells the workers comes after and may be lost; the row is found without it.
struct ListenerMatcher: Sendable {
    let follower: String
    let runs: ListenerRuns
    let map: ScriptFunctions?
    let store: DocumentStore
    let control: ControlStore
    let scripts: ScriptHostPool
    let announce: @Sendable ([String]) async throws -> Void
    let logger: Logger

    private var listener: Listener { runs.listener }

    func handle(_ changes: [CommittedChange], _ database: Database, _ position: Position, _ lease: Lease) async throws {
        let wanted = changes.filter(isWanted)
        let matched = try await match(wanted, in: database)
        let made = runs.runs(of: matched)
        let ids = try await control.client.transaction { connection in
            let inserts = made.isEmpty ? [] : control.insert(made)
            let move = control.move(follower, in: database.name, to: position, under: lease)
            let answers = try await connection.pipeline(inserts + [move])
            guard answers.last?.affected == 1 else { throw LeaseLost(lease) }
            return made.map(\.id)
        }
        guard !ids.isEmpty else { return }
        logger.info(
            "Changes matched a listener",
            metadata: ["listener": "\(follower)", "changes": "\(matched.count)", "runs": "\(ids.count)"]
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

    private func match(_ changes: [CommittedChange], in database: Database) async throws -> [MatchedChange] {
        guard !changes.isEmpty else { return [] }
        let candidates = try await documents(of: changes, in: database)
        guard let map else { return candidates }
        let texts = candidates.map { JSONValue.object($0.document).bytes }
        let outcomes: [[MapOutcome]]
        do {
            outcomes = try await scripts.map(map, documents: texts)
        } catch {
            guard error.kind == .compilation else { throw error }
            // A view that does not compile matches nothing; the project's check refuses such views.
            logger.error("A listener's view does not compile", error: error)
            return []
        }
        return zip(candidates, outcomes).filter { _, outcome in outcome.contains(where: \.hasRows) }.map(\.0)
    }

    /// The documents as they were committed; for a deletion, the last content before it.
    private func documents(of changes: [CommittedChange], in database: Database) async throws -> [MatchedChange] {
        let requests = try changes.map { change in
            RevisionRequest(id: change.id, revision: try RevisionID(parsing: change.revision))
        }
        let caller = Caller.sequence(user: nil)
        let found = try await committed(requests, in: database, for: caller)
        let parents = zip(changes, requests).compactMap { change, request -> RevisionRequest? in
            guard change.isDeleted, let revision = request.revision else { return nil }
            let before = found[request]?.tree?.path(to: revision)?.parent
            return before.map { RevisionRequest(id: change.id, revision: $0) }
        }
        let before = try await store.fetch(parents, from: database, for: caller)
        return try zip(changes, requests).compactMap { change, request in
            guard let committed = found[request] else { return nil }
            let parent = request.revision.flatMap { committed.tree?.path(to: $0)?.parent }
            let content =
                change.isDeleted
                ? parent.flatMap { before[RevisionRequest(id: change.id, revision: $0)] } ?? committed : committed
            return MatchedChange(
                change: change,
                document: try Self.document(change, committed, content: content, database)
            )
        }
    }

    /// The revisions as they were committed; where one is older than a document's history reaches, which a listener
    /// that
    /// is far behind can meet, the document as it is now.
    private func committed(
        _ requests: [RevisionRequest],
        in database: Database,
        for caller: Caller
    ) async throws
        -> [RevisionRequest: StoredRevision]
    {
        var found = try await store.fetch(requests, from: database, for: caller)
        let lost = requests.filter { found[$0] == nil }
        let present = try await store.fetch(lost.map { RevisionRequest(id: $0.id) }, from: database, for: caller)
        for request in lost { found[request] = present[RevisionRequest(id: request.id)] }
        return found
    }

    /// The document with its tags, its conflicts, and who pushed it.
    private static func document(
        _ change: CommittedChange,
        _ committed: StoredRevision,
        content: StoredRevision,
        _ database: Database
    ) throws -> JSONObject {
        var document: JSONObject = ["_id": .string(change.id.text), "_rev": .string(change.revision)]
        if change.isDeleted { document["_deleted"] = true }
        if let owner = change.tags.owner { document[database.settings.ownerMember] = .string(owner) }
        if !change.tags.groups.isEmpty {
            document[database.settings.groupsMember] = .array(change.tags.groups.map(JSONValue.string))
        }
        let conflicts = committed.tree?.conflicts.filter { $0 != committed.revision } ?? []
        if !conflicts.isEmpty { document["_conflicts"] = .array(conflicts.map { .string($0.description) }) }
        return document.merging(try JSONValue(parsing: content.body).objectValue ?? [:])
    }
}

extension MapOutcome {
    /// Whether the map emitted anything for the document.
    fileprivate var hasRows: Bool {
        guard case .rows(let rows) = self else { return false }
        return !rows.isEmpty
    }
}
