import Contracts
import ControlStore
import CouchProtocol
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

    func list(_ exchange: Exchange) async throws -> Response {
        guard exchange.method == .get else { throw exchange.methodNotAllowed("GET") }
        try exchange.requireAdministrator()
        var state: RunState?
        if let text = exchange.query["state"] {
            state = RunState(rawValue: text)
            guard state != nil else {
                let states = RunState.allCases.map(\.rawValue).joined(separator: ", ")
                throw CouchError.queryParseError("state must be one of \(states)")
            }
        }
        let limit = min(try exchange.query.count("limit") ?? Self.defaultLimit, Self.greatestLimit)
        let runs = try await control.runs(state: state, before: try exchange.query.count("before"), limit: limit)
        return .json(["runs": .array(runs.map(JSONValue.object))])
    }

    func show(_ exchange: Exchange, _ id: String) async throws -> Response {
        guard exchange.method == .get else { throw exchange.methodNotAllowed("GET") }
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
