import CouchProtocol

/// What a sync's resolver does.
extension SyncRun {
    /// Resolves conflicts as they come, until the task is cancelled.
    func resolve(_ resolver: ConflictResolver, _ watch: ServerWatch) async throws -> SyncResult {
        var failures = 0
        while true {
            try await control.waitUntilResumed()
            // What comes while it works is not missed.
            let later = conflicts.subscribe()
            switch conflicts.take() {
            case .nothing: break
            case .all: _ = try await resolve(nil, resolver, watch)
            case .some(let ids): _ = try await resolve(ids, resolver, watch)
            }
            if conflicts.hasPostponed {
                failures += 1
                let policy = options.replication(.push).retry
                let pause = policy.pause(afterFailures: failures, jitter: .random(in: 0...1))
                await ChangeSignal.wait(for: later, atMost: pause)
                conflicts.askAgain()
            } else {
                failures = 0
                for await _ in later { break }
            }
            try Task.checkCancellation()
        }
    }

    /// Gives conflicts to the resolver; one with which it fails is told and stays on the list, and one with an edit
    /// that the server has not got waits for what the server says of the edit.
    ///
    /// - Parameter documents: Those in question; nil for all.
    /// - Returns: How many were resolved.
    func resolve(_ documents: [DocumentID]?, _ resolver: ConflictResolver, _ watch: ServerWatch) async throws -> Int {
        try await database.resolveConflicts(
            of: documents,
            resolver,
            isOnServer: { try await isOnServer($0, $1, watch) },
            failed: { id, error in
                let reason = "\(error)"
                control.events.send(.resolverFailed(database: name, document: id.text, reason: reason))
            }
        )
    }

    /// Whether the server has all these revisions; not when it cannot be asked.
    private func isOnServer(
        _ id: DocumentID,
        _ revisions: Set<RevisionID>,
        _ watch: ServerWatch
    ) async throws -> Bool {
        // Whatever the push hears after this is an answer that comes later than this question.
        conflicts.wait(id)
        do {
            let asked = DocumentRevisions(id: id, revisions: revisions.sorted())
            let isThere = try await watch.revisionsDifference([asked]).allSatisfy(\.missing.isEmpty)
            if isThere { conflicts.proceed(id) }
            return isThere
        } catch {
            try Task.checkCancellation()
            conflicts.proceed(id)
            conflicts.postpone(id)
            return false
        }
    }
}
