import CouchProtocol

/// What a sync's resolver does.
extension SyncRun {
    /// How many conflicts the server is asked about in one request.
    private static let questionSize = 100

    /// What one look at conflicts has come to.
    struct ResolverPass: Sendable {
        /// How many were resolved.
        var resolved = 0
        /// Why the server could not be asked about all.
        var failure: (any Error)?
    }

    /// Resolves conflicts as they come, until the task is cancelled.
    func resolve(_ resolver: ConflictResolver, _ watch: ServerWatch) async throws -> SyncResult {
        var failures = 0
        while true {
            try await control.waitUntilResumed()
            // What comes while it works is not missed.
            let (later, logins) = (conflicts.subscribe(), control.logins.subscribe())
            let answers = conflicts.subscribeToAnswers()
            var pass = ResolverPass()
            switch conflicts.take() {
            case .nothing: break
            case .all: pass = try await resolve(nil, resolver, watch)
            case .some(let ids): pass = try await resolve(ids, resolver, watch)
            }
            if (pass.failure as? CouchError)?.status == 401 {
                // Each question would be another try of the password that is known, and many of those lock the user.
                if !isOfNobody { control.sessionEnded() }
                await ChangeSignal.wait(for: logins, or: answers)
                failures = 0
                conflicts.askAgain()
            } else if conflicts.hasPostponed {
                failures += 1
                let policy = options.replication(.push).retry
                let pause = policy.pause(afterFailures: failures, jitter: .random(in: 0...1))
                // One that was suspended waits above, for no time that is known.
                if !control.isSuspended { await ChangeSignal.wait(for: later, atMost: pause) }
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
    /// Those about which the server need not be asked come first. A server that cannot be asked about some is asked
    /// about no more of them, and nor is it when the application is suspended.
    ///
    /// - Parameter documents: Those in question; nil for all.
    func resolve(
        _ documents: [DocumentID]?,
        _ resolver: ConflictResolver,
        _ watch: ServerWatch
    ) async throws -> ResolverPass {
        let look = try await database.resolveConflicts(
            of: documents,
            resolver,
            asksServer: true,
            mayGoOn: { !control.isSuspended },
            failed: tellFailure
        )
        var pass = ResolverPass(resolved: look.resolved)
        guard look.isWhole else {
            conflicts.putBack(documents)
            return pass
        }
        var undecided = look.undecided
        while !undecided.isEmpty {
            let part = Array(undecided.prefix(Self.questionSize))
            // Whatever a push hears after this is an answer that comes later than this question.
            conflicts.wait(part)
            let leaves = try await database.leavesOfConflicts(part)
            let lacking: Set<DocumentID>
            do {
                lacking = try await self.lacking(leaves, watch)
            } catch {
                try Task.checkCancellation()
                conflicts.proceed(part)
                conflicts.postpone(undecided)
                pass.failure = error
                return pass
            }
            conflicts.proceed(part.filter { !lacking.contains($0) })
            for id in part where !lacking.contains(id) {
                guard let known = leaves[id] else { continue }
                if try await database.resolveConflict(id, resolver, known, failed: tellFailure) { pass.resolved += 1 }
            }
            undecided.removeFirst(part.count)
        }
        return pass
    }

    private func tellFailure(_ id: DocumentID, _ error: any Error) {
        control.events.send(.resolverFailed(database: name, document: id.text, reason: "\(error)"))
    }

    /// The documents of which the server lacks some of these revisions.
    private func lacking(
        _ leaves: [DocumentID: Set<RevisionID>],
        _ watch: ServerWatch
    ) async throws -> Set<DocumentID> {
        guard !leaves.isEmpty else { return [] }
        let asked = leaves.map { DocumentRevisions(id: $0.key, revisions: $0.value.sorted()) }
        return try await withThrowingTaskGroup(of: Set<DocumentID>?.self) { group in
            group.addTask {
                let differences = try await watch.revisionsDifference(asked)
                return Set(differences.filter { !$0.missing.isEmpty }.map(\.id))
            }
            group.addTask {
                try await control.interruption { false }
                return nil
            }
            defer { group.cancelAll() }
            guard let lacking = try await group.next() ?? nil else {
                throw TransportError("the application is suspended")
            }
            return lacking
        }
    }
}
