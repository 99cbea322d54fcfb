import CouchProtocol
import Foundation
public import JSON

extension FullSyncClient {
    /// Calls a verb of a local database or a sequence of the server, in the reference's words.
    ///
    /// ```swift
    /// try await client.call("fs://orders.post", ["_id": "a", "_use_policy": "merge", "address.street": "High Street"])
    /// try await client.call("shop.checkout", ["basket": 7])
    /// ```
    ///
    /// Verbs of `fs://database`: `get`, `post`, `delete`, `all`, `bulk`, `info`, `create`, `destroy`, `reset`, `sync`,
    /// `replicate_push`, `replicate_pull`, `put_attachment`, `get_attachment`, `delete_attachment`.
    ///
    /// - Parameters:
    ///   - requestable: `fs://database.verb#marker` or `project.sequence#marker`.
    ///   - parameters: The verb's parameters, or the sequence's variables.
    /// - Returns: The response, which ``responses(to:)`` tells to others too.
    /// - Throws: ``FullSyncError``.
    @discardableResult
    public func call(_ requestable: String, _ parameters: JSONObject = [:]) async throws -> JSONValue {
        let response = try await FullSyncError.translating {
            switch try Requestable(parsing: requestable).target {
            case .sequence(let project, let sequence):
                guard let project = project ?? defaultProject else {
                    throw CouchError.badRequest("`\(requestable)` names no project, and there is no default one.")
                }
                return try await server.call(project: project, sequence: sequence, variables: parameters)
            case .database(let name, let verb):
                guard let name = name ?? defaultDatabase else {
                    throw CouchError.badRequest("`\(requestable)` names no database, and there is no default one.")
                }
                return try await call(verb, of: name, LocalParameters(parameters), requestable)
            }
        }
        responses.send(response, to: requestable)
        return response
    }

    /// Listens for the responses to calls of exactly that text, its marker included, whoever makes them; for syncs that
    /// is also each progress (`direction`, `current`, `total`, `progress`, `status`).
    public nonisolated func responses(to requestable: String) -> AsyncStream<JSONValue> {
        responses.responses(to: requestable)
    }

    private func call(
        _ verb: LocalVerb,
        of name: String,
        _ parameters: LocalParameters,
        _ requestable: String
    ) async throws -> JSONValue {
        switch verb {
        case .create:
            _ = try database(name)
            return ["ok": true]
        case .destroy:
            try await destroy(name)
            return ["ok": true]
        case .reset:
            try await destroy(name)
            _ = try database(name)
            return ["ok": true]
        case .sync: return try await sync(name, [.push, .pull], parameters, requestable)
        case .push: return try await sync(name, [.push], parameters, requestable)
        case .pull: return try await sync(name, [.pull], parameters, requestable)
        default: return try await LocalCall(database: try database(name), parameters: parameters).run(verb)
        }
    }

    /// A sync in the reference's way: once, and then, when it is `continuous` or `live`, on and on beside the caller.
    private func sync(
        _ name: String,
        _ directions: Set<SyncDirection>,
        _ parameters: LocalParameters,
        _ requestable: String
    ) async throws -> JSONValue {
        guard try !parameters.flag("cancel") else {
            await stop(name, directions)
            return ["ok": true]
        }
        var options = try parameters.syncOptions(directions)
        let isLive = options.isLive
        options.isLive = false
        let once = try await sync(name, options)
        let responses = responses
        async let told: Void = {
            for await progress in once.progress { responses.send(progress.json, to: requestable) }
        }()
        let result = try await once.result
        await told
        if isLive {
            options.isLive = true
            let live = try await sync(name, options)
            Task { for await progress in live.progress { responses.send(progress.json, to: requestable) } }
        }
        return [
            "ok": true, "pulled": .number(JSONNumber(result.pulled)), "pushed": .number(JSONNumber(result.pushed)),
            "refused": .number(JSONNumber(result.refused)),
        ]
    }
}

extension SyncProgress {
    /// The progress as the reference's applications get it.
    fileprivate var json: JSONValue {
        let status: JSONValue =
            switch state {
            case .running: "running"
            case .upToDate: "live"
            case .waiting: "waiting"
            case .needsLogin: "needsLogin"
            }
        return [
            "direction": .string(direction.rawValue), "current": .number(JSONNumber(current)),
            "total": .number(JSONNumber(total)), "progress": .number(JSONNumber(percentage)), "status": status,
            "continuous": .bool(isLive),
        ]
    }
}
