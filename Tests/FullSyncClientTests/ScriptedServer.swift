import CouchProtocol
import JSON
import Synchronization

@testable import FullSyncClient

/// A server in memory that gives places out as this house does, and whose calls a test looks at and spoils.
final class ScriptedServer: Replica {
    enum Call: Sendable {
        case info
        case changes(ChangesRequest)
        case difference
        case fetch
        case write([ReplicatedDocument])
        case getLocal
        case putLocal
    }

    private struct Life {
        var base = MemoryReplica(identity: "server")
        var incarnation = "00000001"
    }

    private let life = Mutex(Life())
    /// Is given each call before it is carried out.
    let judge = Mutex<@Sendable (Call) async throws -> Void>({ _ in })
    /// Is given each call when it was carried out, before its answer.
    let afterwards = Mutex<@Sendable (Call) async throws -> Void>({ _ in })
    /// Documents that are not taken, and why.
    let refused = Mutex<[String: CouchError]>([:])

    var identity: String { "server" }
    var base: MemoryReplica { life.withLock { $0.base } }

    /// Puts an empty database in the place of the one that there is, while nobody looks.
    func remake() {
        life.withLock { $0 = Life(incarnation: "00000002") }
    }

    private func carryOut<Value: Sendable>(
        _ call: Call,
        _ body: (MemoryReplica, String) async throws -> Value
    ) async throws -> Value {
        try await judge.withLock { $0 }(call)
        let (base, incarnation) = life.withLock { ($0.base, $0.incarnation) }
        let value = try await body(base, incarnation)
        try await afterwards.withLock { $0 }(call)
        return value
    }

    private func token(_ place: UpdateSequence, _ incarnation: String) -> UpdateSequence {
        SequenceToken(number: Int(place.text) ?? 0, incarnation: incarnation).sequence
    }

    func info() async throws -> ReplicaInfo {
        try await carryOut(.info) { base, incarnation in
            var info = await base.info()
            info.incarnation = incarnation
            info.updateSequence = token(info.updateSequence, incarnation)
            return info
        }
    }

    func changes(_ request: ChangesRequest) async throws -> ChangesPage {
        try await carryOut(.changes(request)) { base, incarnation in
            var asked = request
            let since = SequenceToken(parsing: request.since.text)
            asked.since = UpdateSequence(since?.incarnation == incarnation ? since?.number ?? 0 : 0)
            var page = try await base.changes(asked)
            page.lastSequence = token(page.lastSequence, incarnation)
            page.rows = page.rows.map { row in
                var row = row
                row.sequence = row.sequence.map { token($0, incarnation) }
                return row
            }
            return page
        }
    }

    func revisionsDifference(_ revisions: [DocumentRevisions]) async throws -> [MissingRevisions] {
        try await carryOut(.difference) { base, _ in await base.revisionsDifference(revisions) }
    }

    func fetch(_ requests: [FetchRequest]) async throws -> [FetchOutcome] {
        try await carryOut(.fetch) { base, _ in await base.fetch(requests) }
    }

    func write(_ documents: [ReplicatedDocument]) async throws -> [WriteFailure] {
        try await carryOut(.write(documents)) { base, _ in
            let refused = refused.withLock { $0 }
            let failures = try await base.write(documents.filter { refused[$0.id.text] == nil })
            return failures
                + documents.compactMap { document in
                    refused[document.id.text].map {
                        WriteFailure(id: document.id, revision: document.path.revision, error: $0)
                    }
                }
        }
    }

    func localDocument(_ name: String) async throws -> LocalDocument? {
        try await carryOut(.getLocal) { base, _ in await base.localDocument(name) }
    }

    func putLocalDocument(_ name: String, _ document: LocalDocument) async throws -> String {
        try await carryOut(.putLocal) { base, _ in try await base.putLocalDocument(name, document) }
    }
}

extension MemoryReplica {
    /// Tells the readers of a document that one of its revisions is not theirs any more.
    func revoke(_ id: String, _ revision: RevisionID) throws {
        let id = DocumentID(stored: id)
        let tombstone = Revocation.tombstone(of: revision)
        let outcome = fetch([FetchRequest(id: id, revision: revision)]).first
        guard case .document(let lost)? = outcome else { throw CouchError.missing }
        let path = lost.path.appending(tombstone.hash)
        let failures = take([ReplicatedDocument(id: id, path: path, isDeleted: true)])
        guard failures.isEmpty else { throw CouchError.conflict }
    }
}

extension RequestBody {
    /// The bytes that are at hand.
    var text: [UInt8] {
        parts.flatMap { part in
            guard case .bytes(let bytes) = part else { return [UInt8]() }
            return bytes
        }
    }
}

extension SyncRun {
    /// A sync of a database with a server, as a client makes it.
    init(
        of database: FullSyncDatabase,
        with server: any Replica,
        _ options: SyncOptions = SyncOptions(),
        _ control: SyncControl = SyncControl(),
        report: @escaping @Sendable (SyncProgress) -> Void = { _ in }
    ) {
        self.init(
            name: database.name,
            device: database.replica,
            server: server,
            options: options,
            control: control,
            report: report
        )
    }
}
