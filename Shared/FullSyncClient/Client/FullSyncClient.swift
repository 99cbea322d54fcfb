import CouchProtocol
import Crypto
public import Foundation
public import JSON

/// The door to Full Sync for an application: its local databases, the sessions of its users, and the syncs between
/// the device and the server.
///
/// ```swift
/// let client = try FullSyncClient(server: "https://sync.example.org", directory: directory)
/// try await client.login(name: "ada", password: password)
/// let orders = try await client.database("orders")
/// let sync = try await client.sync("orders", .live)
/// try await orders.post(["type": "note", "text": "Hello"])
/// ```
///
/// Each user has databases of their own, so what one user has on the device is never shown to another. The user who
/// logged in last is remembered without the password: after a restart the local databases answer at once, and live
/// syncs wait for the next login.
public actor FullSyncClient {
    /// The server, for what is beside databases.
    public nonisolated let server: FullSyncServer
    /// The user whose databases are open; nil before the first login and after a logout.
    public private(set) var user: String?

    let defaultDatabase: String?
    let defaultProject: String?
    private let directory: URL
    private var databases: [String: FullSyncDatabase] = [:]
    private var syncs: [SyncKey: SyncTask] = [:]
    private let logins = ChangeSignal()
    let responses = ResponseRouter()

    /// One way of one database, which one sync at a time keeps in step.
    private struct SyncKey: Hashable {
        let database: String
        let direction: SyncDirection
    }

    /// A client of a server; nothing is asked of the server until it is needed.
    ///
    /// - Parameters:
    ///   - server: The server's address, such as `https://sync.example.org`.
    ///   - directory: Where the databases are kept; it is made when it is not there. No two clients share one.
    ///   - defaultDatabase: The database that is meant by calls that name none, such as `fs://.get`.
    ///   - defaultProject: The project that is meant by calls that name none, such as `.sequence`.
    public init(
        server: String,
        directory: URL,
        defaultDatabase: String? = nil,
        defaultProject: String? = nil
    ) throws {
        self.server = try FullSyncServer(address: server)
        self.directory = directory
        self.defaultDatabase = defaultDatabase
        self.defaultProject = defaultProject
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        if let data = try? Data(contentsOf: Self.userFile(in: directory)) {
            user = String(bytes: data, encoding: .utf8)
        }
    }

    // MARK: - Sessions

    /// Logs a user in; live syncs that waited for it go on.
    ///
    /// The session is renewed by itself until ``logout(erasing:)`` or the end of the process. Another user than before
    /// gets other databases, and the syncs of the user before end.
    ///
    /// - Returns: What the server says of the user.
    /// - Throws: ``FullSyncError`` named `unauthorized` when the name or the password is wrong; one without a status
    ///   when the server cannot be reached, and then the local databases stay as they are.
    @discardableResult
    public func login(name: String, password: String) async throws -> JSONValue {
        let answer = try await server.login(name: name, password: password)
        if name != user {
            try await closeAll()
            user = name
            try Data(name.utf8).write(to: Self.userFile(in: directory), options: .atomic)
        }
        logins.send()
        return answer
    }

    /// Ends the session and the user's syncs, and closes the user's databases.
    ///
    /// - Parameter erasing: Whether the user's databases are deleted from the device, with what was not pushed.
    public func logout(erasing: Bool = false) async throws {
        let folder = userDirectory
        try await closeAll()
        if user != nil { try FileManager.default.removeItem(at: Self.userFile(in: directory)) }
        user = nil
        if erasing, FileManager.default.fileExists(atPath: folder.path) {
            try FileManager.default.removeItem(at: folder)
        }
        try await server.logout()
    }

    /// Ends all syncs and closes the databases; the session and what is on the device stay.
    public func close() async throws {
        try await closeAll()
    }

    // MARK: - Databases

    /// Opens the user's database of that name, which is made when it is not there.
    ///
    /// - Throws: ``FullSyncError`` named `illegal_database_name` for a name that CouchDB does not allow.
    public func database(_ name: String) throws -> FullSyncDatabase {
        if let open = databases[name] { return open }
        do {
            let name = try DatabaseName(name)
            let folder = userDirectory
            try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
            let replica = try SQLiteReplica(path: file(of: name.text).path)
            let database = FullSyncDatabase(name: name.text, replica: replica)
            databases[name.text] = database
            return database
        } catch let error as CouchError {
            throw FullSyncError(error)
        }
    }

    /// Deletes the user's database of that name from the device, with what was not pushed; the server keeps its own.
    public func destroy(_ name: String) async throws {
        await stop(name, SyncDirection.allCases)
        if let open = databases.removeValue(forKey: name) { try open.replica.close() }
        guard (try? DatabaseName(name)) != nil else { return }
        for suffix in ["", "-wal", "-shm"] {
            let path = file(of: name).path + suffix
            if FileManager.default.fileExists(atPath: path) { try FileManager.default.removeItem(atPath: path) }
        }
    }

    // MARK: - Syncs

    /// Keeps a database in step with the server's of the same name, once or, with ``SyncOptions/isLive``, until it is
    /// cancelled.
    ///
    /// A sync that is cut off anywhere goes on from where it was. One that was under way for the same database and
    /// direction ends first.
    ///
    /// - Returns: The sync, which has begun.
    public func sync(_ name: String, _ options: SyncOptions = SyncOptions()) async throws -> SyncTask {
        // While one ends, another may be begun by somebody else.
        while options.directions.contains(where: { syncs[SyncKey(database: name, direction: $0)] != nil }) {
            await stop(name, options.directions)
        }
        let database = try database(name)
        let (progress, continuation) = AsyncStream.makeStream(
            of: SyncProgress.self,
            bufferingPolicy: .bufferingNewest(16)
        )
        let run = SyncRun(
            device: database.replica,
            server: server.database(name, rules: database.replica.rules),
            options: options,
            logins: logins,
            report: { continuation.yield($0) }
        )
        let task = Task {
            defer { continuation.finish() }
            return try await FullSyncError.translating { try await run.run() }
        }
        let sync = SyncTask(progress: progress, task: task)
        for direction in options.directions { syncs[SyncKey(database: name, direction: direction)] = sync }
        return sync
    }

    /// Ends the syncs of a database, and returns when they have ended.
    public func stop(_ name: String, _ directions: some Sequence<SyncDirection> = SyncDirection.allCases) async {
        for direction in directions {
            guard let sync = syncs.removeValue(forKey: SyncKey(database: name, direction: direction)) else { continue }
            sync.cancel()
            _ = try? await sync.result
        }
    }

    private func closeAll() async throws {
        for key in Array(syncs.keys) { await stop(key.database, [key.direction]) }
        for database in databases.values { try database.replica.close() }
        databases = [:]
    }

    // MARK: - Files

    private static func userFile(in directory: URL) -> URL { directory.appendingPathComponent("user") }

    /// The folder of the present user: by a digest, because a name can be what no file can be called, and names that
    /// differ in case alone are one to some file systems.
    private var userDirectory: URL {
        guard let user else { return directory.appendingPathComponent("nobody") }
        let digest = Array(SHA256.hash(data: Array(user.utf8)).prefix(16))
        let name = RevisionHash(digest: digest).description
        return directory.appendingPathComponent("users").appendingPathComponent(name)
    }

    private func file(of database: String) -> URL {
        userDirectory.appendingPathComponent(PercentEncoding.encode(database) + ".sqlite")
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
