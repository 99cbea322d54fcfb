import CouchProtocol
public import Foundation

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
    public internal(set) var user: String?

    let defaultDatabase: String?
    let defaultProject: String?
    let defaultDesign: String?
    let directory: URL
    let vault: Vault
    let resolver: ConflictResolver?
    /// The databases that are open, or are being opened.
    var databases: [DatabaseKey: Task<OpenDatabase, any Error>] = [:]
    /// The databases whose files are being deleted.
    var removals: [DatabaseKey: Task<Void, any Error>] = [:]
    var syncs: [SyncKey: SyncTask] = [:]
    /// The calls that are repeated when their answers change, by their names.
    var lives: [String: RepeatedCall] = [:]
    /// Numbers those calls.
    var nextLive = 0
    let control = SyncControl()
    let responses = ResponseRouter()
    /// Whether the user is being changed, and who waits for the end of that to change it next.
    private var isChangingUser = false
    private var waiters: [CheckedContinuation<Void, Never>] = []

    /// A database of one user: what is opened for one is never found by another.
    struct DatabaseKey: Hashable {
        let user: String?
        let name: String
    }

    /// One way of one database, which one sync at a time keeps in step.
    struct SyncKey: Hashable {
        let database: DatabaseKey
        let direction: SyncDirection
    }

    /// A call that is made again and again.
    struct RepeatedCall {
        let number: Int
        let task: Task<Void, Never>
    }

    /// A database that is open, and who tells its news as events.
    struct OpenDatabase: Sendable {
        let database: FullSyncDatabase
        let news: Task<Void, Never>
    }

    /// A client of a server; nothing is asked of the server until it is needed.
    ///
    /// - Parameters:
    ///   - server: The server's address, such as `https://sync.example.org`.
    ///   - directory: Where the databases are kept; it is made when it is not there. No two clients share one.
    ///   - defaultDatabase: The database that is meant by calls that name none, such as `fs://.get`.
    ///   - defaultProject: The project that is meant by calls that name none, such as `.sequence`.
    ///   - defaultDesign: The design document that is meant by calls of views that name none.
    ///   - encryptionKey: With it the bodies of documents, what attachments hold and their digests, edits that were
    ///     kept aside, answers of sequences, and the keys and values of views' rows are sealed on the disk (AES-GCM);
    ///     at least 16 bytes, from the system's key store. Databases that were made without one, or with another, are
    ///     not opened. Readable for whoever has the files stay: ids, revisions (which are digests, so a guess of a
    ///     body can be confirmed), owners and groups; names, types and lengths of attachments; the sort keys of
    ///     views' rows, from which numbers and most of a text can be computed back; what the server said of refused
    ///     edits; the server's address, and the user's name.
    ///   - resolver: Decides about conflicts as they come, once the server has taken the edits that are part of them;
    ///     nil to leave them to ``FullSyncDatabase/conflicts(limit:)``.
    /// - Throws: ``FullSyncError`` named `bad_request` for an address that is none, or has credentials; `bad_key` for a
    ///   key that is too short.
    public init(
        server: String,
        directory: URL,
        defaultDatabase: String? = nil,
        defaultProject: String? = nil,
        defaultDesign: String? = nil,
        encryptionKey: Data? = nil,
        resolver: ConflictResolver? = nil
    ) throws {
        try self.init(
            server: try FullSyncServer(address: server),
            directory: directory,
            defaultDatabase: defaultDatabase,
            defaultProject: defaultProject,
            defaultDesign: defaultDesign,
            encryptionKey: encryptionKey,
            resolver: resolver
        )
    }

    init(
        server: FullSyncServer,
        directory: URL,
        defaultDatabase: String?,
        defaultProject: String?,
        defaultDesign: String?,
        encryptionKey: Data?,
        resolver: ConflictResolver?
    ) throws {
        do throws(CouchError) {
            // Whoever the address names would share the folder of nobody with all others whom one names.
            guard server.session.address.credentials == nil else {
                throw .badRequest("The address of a client's server names no user; users log in.")
            }
            vault = try encryptionKey.map { key throws(CouchError) in try Vault(key: key) } ?? .open
        } catch {
            throw FullSyncError(error)
        }
        self.resolver = resolver
        self.server = server
        self.directory = directory
        self.defaultDatabase = defaultDatabase
        self.defaultProject = defaultProject
        self.defaultDesign = defaultDesign
        try FileManager.default.createDirectory(at: directory, withIntermediateDirectories: true)
        Self.eraseDiscarded(in: directory)
        if let data = try? Data(contentsOf: Self.userFile(in: directory)) {
            user = String(bytes: data, encoding: .utf8)
        }
    }

    /// What happens beside the calls, from now on.
    public nonisolated var events: AsyncStream<FullSyncEvent> { control.events.listen() }

    /// Notes who is logged in, for after the end of the process.
    func remember(_ name: String?) throws {
        let file = Self.userFile(in: directory)
        if let name {
            try Data(name.utf8).write(to: file, options: .atomic)
        } else if FileManager.default.fileExists(atPath: file.path) {
            try FileManager.default.removeItem(at: file)
        }
        user = name
    }

    /// Changes the user, one after the other.
    func changingUser<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        while isChangingUser { await withCheckedContinuation { waiters.append($0) } }
        isChangingUser = true
        defer {
            isChangingUser = false
            for waiter in waiters { waiter.resume() }
            waiters = []
        }
        return try await body()
    }

    private static func userFile(in directory: URL) -> URL { directory.appendingPathComponent("user") }
}
