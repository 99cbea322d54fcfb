import CouchProtocol

extension FullSyncClient {
    /// Keeps a database in step with the server's of the same name, once or, with ``SyncOptions/isLive``, until it is
    /// cancelled.
    ///
    /// A sync that is cut off anywhere goes on from where it was. One that was under way for the same database and
    /// direction ends first; of one that was under way both ways, only the ways of this one end.
    ///
    /// - Returns: The sync, which has begun.
    public func sync(_ name: String, _ options: SyncOptions = SyncOptions()) async throws -> SyncTask {
        let key = DatabaseKey(user: user, name: name)
        try await FullSyncError.translating { try options.check() }
        let database = try await database(key)
        // While one ends, another may be begun by somebody else.
        while options.directions.contains(where: { syncs[SyncKey(database: key, direction: $0)] != nil }) {
            await stop(key, options.directions)
        }
        let (progress, continuation) = AsyncStream.makeStream(
            of: SyncProgress.self,
            bufferingPolicy: .bufferingNewest(16)
        )
        let remote = server.database(name, rules: database.replica.rules, as: .user(key.user))
        let run = SyncRun(
            name: name,
            device: database.replica,
            server: remote.remembering(in: database.replica),
            options: options,
            control: control,
            isOfNobody: key.user == nil,
            resolver: resolver,
            report: { continuation.yield($0) }
        )
        let task = Task {
            defer { continuation.finish() }
            return try await FullSyncError.translating { try await run.run() }
        }
        let sync = SyncTask(progress: progress, task: task, ways: run.ways)
        for direction in options.directions { syncs[SyncKey(database: key, direction: direction)] = sync }
        return sync
    }

    /// Ends the syncs of a database, and returns when they have ended.
    public func stop(_ name: String, _ directions: some Sequence<SyncDirection> = SyncDirection.allCases) async {
        await stop(DatabaseKey(user: user, name: name), directions)
    }

    func stop(_ key: DatabaseKey, _ directions: some Sequence<SyncDirection>) async {
        for direction in directions {
            guard let sync = syncs.removeValue(forKey: SyncKey(database: key, direction: direction)) else { continue }
            let hasOther = SyncDirection.allCases.contains {
                syncs[SyncKey(database: key, direction: $0)]?.ways === sync.ways
            }
            if hasOther {
                await sync.ways.stop(direction)
            } else {
                sync.cancel()
                _ = try? await sync.result
            }
        }
    }

    /// Takes a refused edit back: the document becomes what it is on the server.
    ///
    /// - Returns: Whether it was done; not when the document was edited again since.
    /// - Throws: ``FullSyncError`` without a status when the server cannot be reached; then nothing has changed.
    @discardableResult
    public func takeBack(_ edit: FullSyncDatabase.RefusedEdit, in name: String) async throws -> Bool {
        let key = DatabaseKey(user: user, name: name)
        let database = try await database(key)
        return try await FullSyncError.translating {
            let server = server.database(name, rules: database.replica.rules, as: .user(key.user))
            return try await database.takeBack(edit, from: server)
        }
    }
}

extension SyncOptions {
    /// Both ways, for all documents, until it is cancelled.
    public static var live: SyncOptions {
        var options = SyncOptions()
        options.isLive = true
        return options
    }

    /// What the user may read comes to the device, once.
    public static var pull: SyncOptions {
        var options = SyncOptions()
        options.directions = [.pull]
        return options
    }

    /// What was done on the device goes to the server, once.
    public static var push: SyncOptions {
        var options = SyncOptions()
        options.directions = [.push]
        return options
    }
}
