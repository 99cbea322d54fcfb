import CouchProtocol
import JSON
import Synchronization

/// The server as one side of a sync, watched for being another one than before.
///
/// The database's incarnation is asked for at the beginning, after each failure, before a push records how far it came,
/// and when a page of changes is of another one than was found then. When it is another one than at the last sync, the
/// call fails, and the replications of all directions must begin again at the checkpoints that are left.
final class ServerWatch: Replica {
    /// The server's database was made anew.
    struct Remade: Error {}

    private struct State {
        var isChecked = false
        /// The incarnation that the places of the server's changes named at the last check.
        var incarnation: String?
    }

    /// Says that the database was made anew, to all directions of the sync.
    let remade = ChangeSignal()
    private let server: any Replica
    private let device: SQLiteReplica
    /// Whether a database that is not there, or lets the user in no more, is waited for, as whoever makes it anew may
    /// be doing so.
    private let isPatient: Bool
    private let state = Mutex(State())
    private let tell: @Sendable () -> Void

    /// The local document in which the device remembers the incarnations of servers, by their identities.
    private static let name = "fullsync-incarnations"

    /// - Parameters:
    ///   - isPatient: Whether a database that is not there, or lets the user in no more, is waited for.
    ///   - tell: Called once for each time that the database was made anew.
    init(
        _ server: any Replica,
        device: SQLiteReplica,
        isPatient: Bool = false,
        tell: @escaping @Sendable () -> Void = {}
    ) {
        self.server = server
        self.device = device
        self.isPatient = isPatient
        self.tell = tell
    }

    private func watching<Value: Sendable>(_ body: () async throws -> Value) async throws -> Value {
        do {
            if !state.withLock({ $0.isChecked }) { try await check() }
            return try await body()
        } catch {
            if !(error is Remade) { lookAgain() }
            if isPatient, let error = error as? CouchError {
                if error == .noDatabase { throw TransportError("the server has no such database") }
                if error.status == 403 { throw TransportError("the server does not let the user in: \(error.reason)") }
            }
            throw error
        }
    }

    /// The incarnation of the server's database as it was found; nil where the server names none.
    func incarnation() async throws -> String? {
        try await watching { state.withLock { $0.incarnation } }
    }

    /// Has the incarnation asked for before the next call.
    func lookAgain() {
        state.withLock { $0.isChecked = false }
    }

    private func check() async throws {
        let info = try await server.info()
        try await device.take(info.tagNames)
        let identity = try await server.identity
        var document = try await device.localDocument(Self.name) ?? LocalDocument(revision: nil, body: [:])
        let known = document.body[identity]?.stringValue
        if let incarnation = info.incarnation, incarnation != known {
            document.body[identity] = .string(incarnation)
            do {
                _ = try await device.putLocalDocument(Self.name, document)
            } catch let error as CouchError where error.status == 409 {
                // The sync in the other direction has noticed it too, and this one looks again.
                return try await check()
            }
        }
        state.withLock { $0 = State(isChecked: true, incarnation: info.updateSequence.incarnation) }
        guard let known, let incarnation = info.incarnation, known != incarnation else { return }
        tell()
        remade.send()
        throw Remade()
    }

    var identity: String { get async throws { try await server.identity } }

    func info() async throws -> ReplicaInfo { try await server.info() }

    func changes(_ request: ChangesRequest) async throws -> ChangesPage {
        try await watching {
            let page = try await server.changes(request)
            try await check(page)
            return page
        }
    }

    func changesStream(_ request: ChangesRequest) async throws -> ChangesStream? {
        guard let stream = try await watching({ try await server.changesStream(request) }) else { return nil }
        return ChangesStream {
            try await self.watching {
                let page = try await stream.next()
                if let page { try await self.check(page) }
                return page
            }
        }
    }

    /// Checks the database again when the page is of another incarnation than was found.
    private func check(_ page: ChangesPage) async throws {
        guard let found = page.lastSequence.incarnation, found != state.withLock({ $0.incarnation }) else { return }
        try await check()
    }

    func revisionsDifference(_ revisions: [DocumentRevisions]) async throws -> [MissingRevisions] {
        try await watching { try await server.revisionsDifference(revisions) }
    }

    func fetch(_ requests: [FetchRequest]) async throws -> [FetchOutcome] {
        try await watching { try await server.fetch(requests) }
    }

    func write(_ documents: [ReplicatedDocument]) async throws -> [WriteFailure] {
        try await watching { try await server.write(documents) }
    }

    func localDocument(_ name: String) async throws -> LocalDocument? {
        try await watching { try await server.localDocument(name) }
    }

    func putLocalDocument(_ name: String, _ document: LocalDocument) async throws -> String {
        try await watching { try await server.putLocalDocument(name, document) }
    }
}
