import CouchProtocol
import Foundation
package import Postgres

extension DocumentStore {
    /// Posts documents by the policies that sequences have, all in one transaction with the statements that `ledger`
    /// makes of the outcomes.
    ///
    /// However many documents there are, it takes a handful of round trips. When others change the same documents
    /// meanwhile, the post is planned anew over what they wrote.
    ///
    /// - Parameters:
    ///   - ledger: The statement that notes what was done, so that it is not done again.
    ///   - check: Gets that statement's rows, and throws to undo everything.
    package func post(
        _ post: DocumentPost,
        to database: Database,
        by caller: Caller,
        traceID: String?,
        ledger: @Sendable ([PostOutcome]) -> PostgresQuery,
        check: @Sendable (PostgresRows) throws -> Void
    ) async throws -> [PostOutcome] {
        let attachments = try await takeAttachments(of: post, in: database)
        for _ in 1..<Self.postAttempts {
            do {
                return try await postOnce(post, attachments, to: database, by: caller, traceID: traceID, ledger, check)
            } catch is PostOvertaken {
                continue
            }
        }
        throw CouchError.conflict
    }

    /// Posts documents by the policies that sequences have, in a transaction of their own.
    package func post(_ post: DocumentPost, to database: Database, by caller: Caller) async throws -> [PostOutcome] {
        try await self.post(post, to: database, by: caller, traceID: nil, ledger: { _ in "SELECT" }, check: { _ in })
    }

    private static let postAttempts = 50

    private func postOnce(
        _ post: DocumentPost,
        _ attachments: PostedAttachments,
        to database: Database,
        by caller: Caller,
        traceID: String?,
        _ ledger: @Sendable ([PostOutcome]) -> PostgresQuery,
        _ check: @Sendable (PostgresRows) throws -> Void
    ) async throws -> [PostOutcome] {
        let requests = PostPlan.ids(of: post).map { RevisionRequest(id: $0) }
        let found = try await fetch(requests, from: database, for: caller)
        let current = Dictionary(uniqueKeysWithValues: found.map { ($0.key.id, $0.value) })
        let plan = PostPlan(post, attachments, over: current, database.settings) {
            DocumentID(stored: UUID().uuidString.lowercased())
        }
        let results = try await write(
            plan.edits,
            to: database,
            by: caller,
            traceID: traceID,
            with: { [ledger(plan.outcomes($0))] },
            check: { rows in
                for rows in rows { try check(rows) }
            },
            accept: { outcomes in
                // A conflict under a policy that finds the revision itself means that somebody was faster.
                if post.policy != .none, outcomes.contains(.refused(.conflict)) { throw PostOvertaken() }
            }
        )
        return plan.outcomes(results)
    }
}

/// Somebody changed one of the documents between the reading and the writing of a post.
private struct PostOvertaken: Error {}
