import CouchProtocol
import Crypto
import Executors
import Foundation

extension FullSyncClient {
    /// Opens the user's database of that name, which is made when it is not there.
    ///
    /// - Throws: ``FullSyncError`` named `illegal_database_name` for a name that CouchDB does not allow; `wrong_key`,
    ///   `key_required` or `not_encrypted` when the client's key is not the one that the database was made with.
    public func database(_ name: String) async throws -> FullSyncDatabase {
        try await database(DatabaseKey(user: user, name: name))
    }

    func database(_ key: DatabaseKey) async throws -> FullSyncDatabase {
        let (name, vault, control) = (key.name, vault, control)
        let (folder, path) = (directory(of: key.user), file(of: key).path)
        return try await opened(key) {
            let name = try DatabaseName(name).text
            try PrivateFolder.make(at: folder)
            let replica = try await Self.open(path, vault)
            let news = replica.news.listen()
            let telling = Task {
                for await next in news {
                    for id in next.kept { control.events.send(.editKept(database: name, document: id.text)) }
                    for id in next.conflicts { control.events.send(.conflict(database: name, document: id.text)) }
                }
            }
            return OpenDatabase(database: FullSyncDatabase(name: name, replica: replica), news: telling)
        }
    }

    /// The database of that name, which is opened once however many ask for it; one that could not be is tried anew by
    /// the next.
    private func opened(
        _ key: DatabaseKey,
        _ open: @escaping @Sendable () async throws -> OpenDatabase
    ) async throws -> FullSyncDatabase {
        // A file that is opened while it is being deleted would be written and gone.
        while let removal = removals[key] { _ = await removal.result }
        let opening = databases[key] ?? Task { try await open() }
        databases[key] = opening
        do {
            return try await FullSyncError.translating { try await opening.value.database }
        } catch {
            if databases[key] == opening { databases[key] = nil }
            throw error
        }
    }

    /// Opens a file on a thread that may block: SQLite reads it, and may have to bring it to the present version.
    @concurrent
    static func open(_ path: String, _ vault: Vault) async throws -> SQLiteReplica {
        var limits = StoreLimits()
        limits.vault = vault
        return try await withTaskExecutorPreference(files) { [limits] in
            try SQLiteReplica(path: path, limits: limits)
        }
    }

    /// Where files are opened.
    static let files = ThreadPoolExecutor(name: "files", maximumThreads: 2)

    /// Deletes the user's database of that name from the device, with what was not pushed; the server keeps its own.
    ///
    /// What the application holds of it, such as a ``FullSyncDatabase`` or a ``LiveQuery``, fails from then on.
    public func destroy(_ name: String) async throws {
        let key = DatabaseKey(user: user, name: name)
        await stop(key, SyncDirection.allCases)
        while let removal = removals[key] { _ = await removal.result }
        let removal = Task {
            // It is no longer waited for when it has ended.
            defer { removals[key] = nil }
            try await close(key)
            guard (try? DatabaseName(name)) != nil else { return }
            for suffix in ["", "-wal", "-shm"] {
                let path = file(of: key).path + suffix
                if FileManager.default.fileExists(atPath: path) { try FileManager.default.removeItem(atPath: path) }
            }
        }
        removals[key] = removal
        try await removal.value
    }

    private func close(_ key: DatabaseKey) async throws {
        // One that could not be opened needs no closing.
        guard let open = try? await databases.removeValue(forKey: key)?.value else { return }
        open.news.cancel()
        try open.database.replica.close()
    }

    /// Ends what is repeated and the syncs of those users, and closes their databases.
    func close(_ isOne: (String?) -> Bool) async throws {
        let repeated = lives.values.map(\.task)
        lives = [:]
        for live in repeated { live.cancel() }
        for live in repeated { await live.value }
        for key in Array(syncs.keys) where isOne(key.database.user) { await stop(key.database, [key.direction]) }
        for key in Array(databases.keys) where isOne(key.user) { try await close(key) }
    }

    // MARK: - Files

    /// The folder of a user: by a digest, because a name can be what no file can be called, and names that
    /// differ in case alone are one to some file systems.
    func directory(of user: String?) -> URL {
        guard let user else { return directory.appendingPathComponent("nobody") }
        let digest = Array(SHA256.hash(data: Array(user.utf8)).prefix(16))
        let name = RevisionHash(digest: digest).description
        return directory.appendingPathComponent("users").appendingPathComponent(name)
    }

    func file(of database: DatabaseKey) -> URL {
        directory(of: database.user).appendingPathComponent(PercentEncoding.encode(database.name) + ".sqlite")
    }

    /// The answers of sequences that the user has got.
    ///
    /// No database has a name like this one's.
    func answers() async throws -> AnswerCache {
        let key = DatabaseKey(user: user, name: "_answers")
        let (path, vault, folder) = (file(of: key).path, vault, directory(of: key.user))
        let database = try await opened(key) {
            try PrivateFolder.make(at: folder)
            let replica = try await Self.open(path, vault)
            return OpenDatabase(database: FullSyncDatabase(name: key.name, replica: replica), news: Task {})
        }
        return AnswerCache(store: database.replica)
    }
}
