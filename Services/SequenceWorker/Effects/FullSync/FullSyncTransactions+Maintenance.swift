import ControlStore
import CouchProtocol
import DocumentStore
import JSON
import ProjectRuntime
import Sequences

/// Purges, compactions, and databases that are made anew.
extension FullSyncTransactions {
    /// How many documents one step may name.
    private static let purgeLimit = 10_000
    /// How many tombstones one commit takes away.
    private static let purgeStretch = 500

    func purgeDatabase(_ variables: JSONObject, _ target: Target) async throws -> JSONValue {
        let allTombstones = variables["allTombstones"]?.boolValue ?? false
        guard let revisions = variables["revisions"]?.objectValue else {
            guard allTombstones else {
                throw SequenceFailure(code: .invalidValue, message: "'revisions' or 'allTombstones' must be given")
            }
            return try await purgeTombstones(target)
        }
        guard !allTombstones else {
            throw SequenceFailure(code: .invalidValue, message: "give one of 'revisions' and 'allTombstones'")
        }
        guard revisions.count <= Self.purgeLimit else {
            throw SequenceFailure(code: .limit, message: "more than \(Self.purgeLimit) documents to purge at once")
        }
        return try await purge(
            try revisions.map { id, list in try Self.asked(id, list) },
            before: 0,
            showing: true,
            target
        )
    }

    private static func asked(_ id: String, _ revisions: JSONValue) throws -> DocumentRevisions {
        guard let texts = revisions.arrayValue?.map(\.stringValue), !texts.contains(nil) else {
            throw SequenceFailure(code: .invalidValue, message: "'revisions' must have a list of revisions for '\(id)'")
        }
        return DocumentRevisions(
            id: try DocumentID(id),
            revisions: try texts.compactMap(\.self).map { text throws(CouchError) in try RevisionID(parsing: text) }
        )
    }

    /// Takes away all tombstones that there are when it comes to them.
    ///
    /// Each stretch is a commit; the last one has the ledger's entry. An attempt that follows one which died in between
    /// counts what was left.
    private func purgeTombstones(_ target: Target) async throws -> JSONValue {
        if let answer = try await recorded(at: target.site) { return answer }
        var (last, count): (DocumentID?, Int) = (nil, 0)
        while true {
            let asked = try await store.tombstones(in: target.database, after: last, limit: Self.purgeStretch)
            guard asked.count == Self.purgeStretch else {
                return try await purge(asked, before: count, showing: false, target)
            }
            let outcome = try await store.purge(asked, in: target.database, by: target.caller, traceID: run.traceID)
            count += outcome.revisionCount
            last = asked.last?.id
        }
    }

    /// - Parameter count: How many revisions the step has purged before.
    private func purge(
        _ asked: [DocumentRevisions],
        before count: Int,
        showing shows: Bool,
        _ target: Target
    ) async throws -> JSONValue {
        if let answer = try await recorded(at: target.site) { return answer }
        let outcome = try await store.purge(
            asked,
            in: target.database,
            by: target.caller,
            traceID: run.traceID,
            with: { record($0.answer(before: count, showing: shows), at: target.site) },
            check: checkRecorded
        )
        return outcome.answer(before: count, showing: shows)
    }

    /// Asks for a compaction now, as `_compact` does; to ask once more does no harm.
    func compactDatabase(_ target: Target) async throws -> JSONValue {
        try await store.requestCompaction(of: target.database)
        return ["ok": true]
    }

    /// Makes the database anew, with the design documents of the project's version that runs.
    func resetDatabase(_ target: Target) async throws -> JSONValue {
        let databases = DatabaseDeployment(store)
        let made: Database
        if try await recorded(at: target.site) != nil {
            made = target.database
        } else {
            made = try await store.resetDatabase(
                target.database,
                with: record(["ok": true], at: target.site),
                check: checkRecorded
            )
        }
        // After an attempt that died between the two, too.
        try await databases.writeDesignDocuments(of: definition, to: made, by: target.caller)
        return ["ok": true]
    }
}

extension PurgeOutcome {
    fileprivate var revisionCount: Int { purged.reduce(0) { $0 + $1.revisions.count } }

    fileprivate func answer(before count: Int, showing shows: Bool) -> JSONValue {
        var answer: JSONObject = ["total_purged": .number(JSONNumber(count + revisionCount))]
        if shows {
            answer["purged"] = .object(
                JSONObject(purged.map { ($0.id.text, .array($0.revisions.map { .string($0.description) })) })
            )
        }
        return .object(answer)
    }
}
