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
    /// Verbs of `fs://database`: `get`, `post`, `delete`, `all`, `all_local`, `view`, `find`, `explain`, `createIndex`,
    /// `getIndexes`, `deleteIndex`, `bulk`, `info`, `create`, `destroy`, `reset`, `sync`, `replicate_push`,
    /// `replicate_pull`, `put_attachment`, `get_attachment`, `delete_attachment`.
    ///
    /// The three verbs that sync take the reference's parameters, which ``SyncOptions`` explains: `live` (or
    /// `continuous`), `retry`, `batch_size`, `batches_limit`, `heartbeat` and `timeout` in milliseconds, one of
    /// `doc_ids`, `selector` and `filter` (with `query_params`), `since`, and `cancel`. What is not said is 500 changes
    /// in a batch and 2 batches at a time, where the reference has 100 and 10.
    ///
    /// With the parameter `__live` a `get`, `all`, `view` or `find` is repeated when its answer changes, and the
    /// answers are told to the listeners with `__fromLive`; the parameter's value, when it is a string, names the
    /// repetition for ``cancelLive(_:)``, and otherwise the text of the call does.
    ///
    /// - Parameters:
    ///   - requestable: `fs://database.verb#marker` or `project.sequence#marker`.
    ///   - parameters: The verb's parameters, or the sequence's variables.
    /// - Returns: The response, which ``responses(to:)`` tells to others too.
    /// - Throws: ``FullSyncError``.
    @discardableResult
    public func call(_ requestable: String, _ parameters: JSONObject = [:]) async throws -> JSONValue {
        try await call(requestable, parameters, for: nil)
    }

    /// Carries out a call; what it has to tell beside its answer is told to the request, too, when there is one.
    func call(
        _ requestable: String,
        _ parameters: JSONObject,
        for request: FullSyncRequest?
    ) async throws -> JSONValue {
        let response = try await FullSyncError.translating {
            switch try Requestable(parsing: requestable).target {
            case .sequence(let project, let sequence):
                guard let project = project ?? defaultProject else {
                    throw CouchError.badRequest("`\(requestable)` names no project, and there is no default one.")
                }
                return try await call(project, sequence, parameters)
            case .database(let name, let verb):
                guard let name = name ?? defaultDatabase else {
                    throw CouchError.badRequest("`\(requestable)` names no database, and there is no default one.")
                }
                return try await call(verb, of: name, LocalParameters(parameters), requestable, request)
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
        _ requestable: String,
        _ request: FullSyncRequest?
    ) async throws -> JSONValue {
        switch verb {
        case .create:
            _ = try await database(name)
            return ["ok": true]
        case .destroy:
            try await destroy(name)
            return ["ok": true]
        case .reset:
            try await destroy(name)
            _ = try await database(name)
            return ["ok": true]
        case .sync: return try await sync(name, [.push, .pull], parameters, requestable, request)
        case .push: return try await sync(name, [.push], parameters, requestable, request)
        case .pull: return try await sync(name, [.pull], parameters, requestable, request)
        default:
            let call = LocalCall(
                database: try await database(name),
                parameters: parameters,
                defaultDesign: defaultDesign
            )
            guard verb.canBeLive, let live = try parameters.live(requestable) else { return try await call.run(verb) }
            return try await repeated(call, verb, as: live, requestable, request)
        }
    }

    /// A sequence's answer: the server's, or with `__localCache` one that was kept.
    private func call(_ project: String, _ sequence: String, _ parameters: JSONObject) async throws -> JSONValue {
        let policy = try CachePolicy(parameters["__localCache"])
        let variables = JSONObject(parameters.filter { $0.0 != "__localCache" })
        let asker = HTTPSession.Asker.user(user)
        guard let policy else {
            return try await server.call(project: project, sequence: sequence, variables: variables, as: asker)
        }
        let cache = try await answers()
        let key = cache.key(project, sequence, variables)
        if policy.priority == .local, let kept = try await cache.answer(key, policy) { return kept }
        do {
            let answer = try await server.call(project: project, sequence: sequence, variables: variables, as: asker)
            // The sequence has run: that its answer cannot be kept for later must not hide it now.
            try? await cache.keep(answer, for: key)
            return answer
        } catch let error as FullSyncError {
            // After a restart without a network the user is known, and not logged in.
            let isLoggedIn = await server.session.isLoggedIn
            guard error.status.map({ $0 >= 500 || $0 == 401 && !isLoggedIn }) ?? true else { throw error }
            guard let kept = try await cache.answer(key, policy) else { throw error }
            return kept
        }
    }

    // MARK: - Calls that are repeated

    /// Ends the repetition of a call; nothing when there is none of that name.
    public func cancelLive(_ name: String) async {
        guard let live = lives.removeValue(forKey: name) else { return }
        live.task.cancel()
        await live.task.value
    }

    /// The answer of a call that is made again and again beside the caller.
    private func repeated(
        _ call: LocalCall,
        _ verb: LocalVerb,
        as name: String,
        _ requestable: String,
        _ request: FullSyncRequest?
    ) async throws -> JSONValue {
        let answers = try call.live(verb)
        // While one ends, another may be begun by somebody else.
        while lives[name] != nil { await cancelLive(name) }
        let (first, told) = AsyncThrowingStream.makeStream(of: JSONValue.self)
        let (responses, number) = (responses, nextLive)
        nextLive += 1
        // It is in its place before anything is waited for, so that nobody begins another one beside it.
        let task = Task { [weak self] in
            do {
                var isFirst = true
                for try await answer in answers {
                    if isFirst {
                        request?.answered(answer)
                        told.yield(answer)
                        told.finish()
                        isFirst = false
                        continue
                    }
                    var next = answer.objectValue ?? [:]
                    next["__fromLive"] = .string(name)
                    request?.answered(.object(next))
                    responses.send(.object(next), to: requestable)
                }
                told.finish()
                request?.ended(CancellationError())
            } catch {
                // What fails later, such as a view whose design document is gone, ends the repetition.
                told.finish(throwing: error)
                request?.ended(error)
            }
            await self?.hasEnded(name, number)
        }
        lives[name] = RepeatedCall(number: number, task: task)
        request?.goesOn { task.cancel() }
        return try await withTaskCancellationHandler {
            do {
                for try await answer in first { return answer }
            } catch is CancellationError {}
            try Task.checkCancellation()
            // Another call of the same name has taken its place, and this one is answered all the same.
            return task.isCancelled ? try await call.run(verb) : .null
        } onCancel: {
            task.cancel()
        }
    }

    /// Forgets a repetition that has ended by itself.
    private func hasEnded(_ name: String, _ number: Int) {
        if lives[name]?.number == number { lives[name] = nil }
    }

    /// A sync in the reference's way: once, and then, when it is `continuous` or `live`, on and on beside the caller.
    ///
    /// A live one that finds no server, or no session, is answered when there is one and all has been brought over,
    /// unless `retry` is false.
    private func sync(
        _ name: String,
        _ directions: Set<SyncDirection>,
        _ parameters: LocalParameters,
        _ requestable: String,
        _ request: FullSyncRequest?
    ) async throws -> JSONValue {
        guard try !parameters.flag("cancel") else {
            await stop(name, directions)
            return ["ok": true]
        }
        var options = try parameters.syncOptions(directions)
        let isLive = options.isLive
        options.isLive = false
        let once = try await sync(name, options)
        let direction = directions.count == 2 ? "pushpull" : directions.first?.rawValue ?? ""
        let tell = { @Sendable [responses] (progress: SyncProgress) in
            let progress = progress.json
            request?.told(progress)
            responses.send(progress, to: requestable)
        }
        async let told: Void = { for await progress in once.progress { tell(progress) } }()
        let result: SyncResult
        do {
            result = try await withTaskCancellationHandler {
                try await once.result
            } onCancel: {
                once.cancel()
            }
            await told
        } catch let error as FullSyncError {
            await told
            responses.send(error.json(direction), to: requestable)
            throw error
        }
        let response: JSONValue = [
            "ok": true, "direction": .string(direction), "pulled": .number(JSONNumber(result.pulled)),
            "pushed": .number(JSONNumber(result.pushed)),
            "refused": .number(JSONNumber(result.refused)),
        ]
        guard isLive else { return response }
        try Task.checkCancellation()
        (options.isLive, options.isPatient, options.since) = (true, false, nil)
        let live = try await sync(name, options)
        request?.goesOn { live.cancel() }
        request?.answered(response)
        Task { [responses] in
            for await progress in live.progress { tell(progress) }
            do {
                _ = try await live.result
                request?.ended(CancellationError())
            } catch {
                // One that was cancelled has nothing to tell to those who only listen.
                if let error = error as? FullSyncError { responses.send(error.json(direction), to: requestable) }
                request?.ended(error)
            }
        }
        return response
    }
}

extension FullSyncError {
    /// The error of a sync as the reference's applications get it.
    fileprivate func json(_ direction: String) -> JSONValue {
        ["direction": .string(direction), "error": .string(error), "reason": .string(reason)]
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
            case .suspended: "suspended"
            }
        return [
            "direction": .string(direction.rawValue), "current": .number(JSONNumber(current)),
            "total": .number(JSONNumber(total)), "progress": .number(JSONNumber(percentage)), "status": status,
            "continuous": .bool(isLive),
        ]
    }
}
