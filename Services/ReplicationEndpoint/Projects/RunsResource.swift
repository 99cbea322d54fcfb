import ControlStore
import CouchProtocol
import Hummingbird
import JSON
import Messaging
import ServiceRuntime

/// `/_fullsync/runs`: what ran, and running it again (administrators).
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

    func retry(_ exchange: Exchange, _ id: String) async throws -> Response {
        guard exchange.method == .post else { throw exchange.methodNotAllowed("POST") }
        try exchange.requireAdministrator()
        guard try await control.run(id) != nil else { throw CouchError.missing }
        guard try await control.retryRun(id) else {
            throw CouchError.preconditionFailed(
                "Only a failed, uncertain or cancelled run whose variables are kept can be run again."
            )
        }
        try await broker.publish(.runReady(id))
        return .ok(.accepted)
    }
}
