import CouchProtocol
public import Foundation

extension FullSyncClient {
    /// Writes a database that was pulled into a file, with which other devices begin instead of a first pull.
    ///
    /// - Parameters:
    ///   - name: The database, which must have been pulled to its end, and not edited.
    ///   - file: The file, which must not be there.
    ///   - views: Views that are made before, as `design/view`, so that the devices need not.
    /// - Throws: ``FullSyncError`` named `precondition_failed` when it was not pulled, has edits of its own, is
    ///   encrypted, or lacks documents that pulls have passed over, which are named; `file_exists`.
    public func export(_ name: String, to file: URL, views: [String] = []) async throws {
        let key = DatabaseKey(user: user, name: name)
        let database = try await database(key)
        var query = ViewQuery()
        query.limit = 0
        query.isReduced = false
        for view in views {
            let parts = view.split(separator: "/", maxSplits: 1).map(String.init)
            guard parts.count == 2 else {
                throw FullSyncError(.badRequest("`\(view)` is not the name of a design document and a view."))
            }
            _ = try await database.view(parts[0], parts[1], query)
        }
        try await FullSyncError.translating {
            let remote = server.database(name, rules: database.replica.rules, as: .user(key.user))
            guard let incarnation = try await remote.info().incarnation,
                let sequence = try await Replicator(from: remote, to: database.replica).recordedSequence()
            else { throw CouchError.preconditionFailed("The database was not pulled.") }
            let origin = PrebuiltOrigin(incarnation: incarnation, sequence: sequence, user: key.user)
            try await database.replica.export(to: file, origin: origin, of: remote.identity)
        }
    }

    /// Takes a file that ``export(_:to:views:)`` or `fullsync prebuild` made as the user's database of that name; the
    /// next sync goes on where the file's pull had come to.
    ///
    /// - Throws: ``FullSyncError`` named `file_exists` when the database is there already; `not_prebuilt` for another
    ///   file; `forbidden` when it holds documents of another user.
    public func importDatabase(_ name: String, from file: URL) async throws {
        try await FullSyncError.translating {
            let key = DatabaseKey(user: user, name: try DatabaseName(name).text)
            let target = self.file(of: key)
            guard databases[key] == nil, !FileManager.default.fileExists(atPath: target.path) else {
                throw SQLiteReplica.exists
            }
            try PrivateFolder.make(at: directory(of: key.user))
            // A copy that is half made is none, whenever the process ends.
            let copy = target.appendingPathExtension("import")
            try? FileManager.default.removeItem(at: copy)
            defer { try? FileManager.default.removeItem(at: copy) }
            try await Self.adopt(file, as: copy, user: key.user, vault)
            try FileManager.default.moveItem(at: copy, to: target)
        }
    }

    @concurrent
    private static func adopt(_ file: URL, as copy: URL, user: String?, _ vault: Vault) async throws {
        try await withTaskExecutorPreference(files) {
            do {
                try FileManager.default.copyItem(at: file, to: copy)
            } catch {
                throw CouchError.notFound("The file cannot be read.")
            }
            try SQLiteReplica.adopt(copy, user: user, vault)
        }
    }
}
