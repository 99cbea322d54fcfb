import Contracts
import ControlStore
import CouchProtocol
import Foundation
import Hummingbird
import JSON
import Messaging
import ServiceRuntime

/// `/_fullsync/runs`: what ran, and what is done about it (administrators).
struct RunsResource: Sendable {
    let control: ControlStore
    let broker: MessageBroker

    private static let defaultLimit = 50
    private static let greatestLimit = 1_000

    /// The newest runs that the query means, or those before the number `before`; with `after`, the oldest ones behind
    /// that number.
    func list(_ exchange: Exchange) async throws -> Response {
        guard exchange.isRead else { throw exchange.methodNotAllowed("GET", "HEAD") }
        try exchange.requireAdministrator()
        let query = exchange.query
        let limit = min(try query.count("limit") ?? Self.defaultLimit, Self.greatestLimit)
        let page: RunPage
        switch (try query.count("before"), try query.count("after")) {
        case (nil, nil): page = .newest
        case (let number?, nil): page = .before(number)
        case (nil, let number?): page = .after(number)
        case (_?, _?): throw CouchError.queryParseError("before and after cannot be given together")
        }
        let runs = try await control.runs(try Self.filter(query), page, limit: limit)
        return .json(["runs": .array(runs.map(JSONValue.object))])
    }

    private static func filter(_ query: Query) throws(CouchError) -> RunFilter {
        var filter = RunFilter(state: try choice("state", query))
        filter.cause = try choice("cause", query)
        filter.project = query["project"]
        filter.sequence = query["sequence"]
        filter.source = query["source"]
        filter.user = query["user"]
        if let text = query["since"] {
            filter.since = try? Date(text, strategy: .iso8601)
            guard filter.since != nil else {
                throw .queryParseError("since must be a time like 2026-01-31T10:00:00Z")
            }
        }
        return filter
    }

    /// The value of a parameter that has some; nil when it is not given.
    private static func choice<Choice: RawRepresentable<String> & CaseIterable>(
        _ name: String,
        _ query: Query
    ) throws(CouchError) -> Choice? {
        guard let text = query[name] else { return nil }
        guard let choice = Choice(rawValue: text) else {
            let choices = Choice.allCases.map(\.rawValue).joined(separator: ", ")
            throw .queryParseError("\(name) must be one of \(choices)")
        }
        return choice
    }

    func show(_ exchange: Exchange, _ id: String) async throws -> Response {
        guard exchange.isRead else { throw exchange.methodNotAllowed("GET", "HEAD") }
        try exchange.requireAdministrator()
        guard let run = try await control.run(id) else { throw CouchError.missing }
        return .json(.object(run))
    }

    /// Has a run tried again, cancelled, or decided about; the caller is an administrator.
    func act(_ exchange: Exchange, _ action: OperationPath.RunAction, _ id: String) async throws -> Response {
        guard try await control.run(id) != nil else { throw CouchError.missing }
        switch action {
        case .retry: try await retry(id)
        case .cancel:
            guard let cancelled = try await control.cancelRun(id) else {
                throw CouchError.preconditionFailed("A run that has succeeded or was cancelled cannot be cancelled.")
            }
            async let next: Void = announce(cancelled.next)
            // A worker that has it in hand and does not hear of it notices that it lost its claim.
            try? await broker.announce(.cancelled(run: id, claim: cancelled.claim))
            await next
        case .resolve: try await resolve(id, try await exchange.object())
        }
        return .ok(.accepted)
    }

    private func retry(_ id: String) async throws {
        guard try await control.retryRun(id) else {
            throw CouchError.preconditionFailed(
                "Only a failed, uncertain or cancelled run whose variables are kept can be run again."
            )
        }
        await announce([id])
    }

    /// Writes down what a person found out about the effect of an uncertain run, and lets the run go on.
    private func resolve(_ id: String, _ decision: JSONObject) async throws {
        guard let happened = decision["happened"]?.boolValue else {
            throw CouchError.badRequest(
                #"The body must say what happened: {"happened": true, "answer": …} or {"happened": false}."#
            )
        }
        let isResolved: Bool
        if happened {
            isResolved = try await control.resolveRun(id, answer: decision["answer"] ?? .null)
        } else {
            // An effect that did not happen is attempted anew.
            let isUncertain = try await control.run(id)?["state"] == "uncertain"
            isResolved = try await isUncertain ? control.retryRun(id) : false
        }
        guard isResolved else {
            throw CouchError.preconditionFailed(
                "Only an uncertain run whose variables are kept can be decided about, and an answer given only where "
                    + "a single effect is unknown."
            )
        }
        await announce([id])
    }

    /// Tells workers of runs that are ready; they find those that they were not told of.
    private func announce(_ runs: [String]) async {
        try? await broker.tellWorkers(of: runs)
    }
}
