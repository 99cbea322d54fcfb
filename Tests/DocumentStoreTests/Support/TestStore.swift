import CouchProtocol
import DocumentStore
import JSON
import Logging
import Postgres
import TestSupport

/// A migrated document store with one database, over the PostgreSQL of the running test.
struct TestStore {
    let store: DocumentStore
    let database: Database

    static let administrator = Caller.administrator(name: "admin")

    /// - Parameter settings: Of the database `db`.
    static func make(_ settings: DatabaseSettings = DatabaseSettings()) async throws -> TestStore {
        let store = try connect()
        try await store.client.migrate(DocumentStore.migrations, component: "documents")
        try await store.createDatabase("db", settings: settings)
        return TestStore(store: store, database: try await store.database("db"))
    }

    /// The same database through a pool and caches of its own, as another process has it.
    func another(validator: (any WriteValidator)? = nil) async throws -> TestStore {
        let store = try Self.connect(validator)
        return TestStore(store: store, database: try await store.database(database.name))
    }

    /// A store over tables that nobody has made yet.
    static func connect(_ validator: (any WriteValidator)? = nil) throws -> DocumentStore {
        var configuration = try PostgresConfiguration(url: try TestDatabase.address)
        configuration.maximumConnections = 4
        configuration.acquireTimeout = .seconds(120)
        return DocumentStore(
            PostgresClient(configuration, logger: Logger(label: "test")),
            validator: validator,
            logger: Logger(label: "test")
        )
    }

    func close() async { await store.client.close() }

    /// Writes one document as the administrator, who may do anything.
    @discardableResult
    func put(
        _ id: String,
        _ body: String = "{}",
        after: RevisionID? = nil,
        deleted: Bool = false,
        tags: Tags = .none,
        by caller: Caller = TestStore.administrator
    ) async throws -> RevisionID {
        let edit = DocumentEdit(
            id: DocumentID(stored: id),
            revision: .next(after: after),
            isDeleted: deleted,
            body: try DocumentBody(text: body),
            tags: AskedTags(tags)
        )
        return try await store.write([edit], to: database, by: caller)[0].revision
    }

    /// Takes over a revision that was made elsewhere.
    @discardableResult
    func graft(_ id: String, _ path: [String], tags: Tags, deleted: Bool = false) async throws -> EditOutcome {
        let edit = DocumentEdit.made(id, path, tags: AskedTags(tags), deleted: deleted)
        return try await store.write([edit], to: database, by: Self.administrator)[0]
    }

    /// One value of one row.
    func scalar<Value: PostgresDecodable>(
        _ query: PostgresQuery,
        as type: Value.Type = Value.self
    ) async throws -> Value {
        let rows = try await store.client.query(query)
        guard let row = rows.first else { throw NoRow() }
        return try row.decode(Value.self, at: 0)
    }
}

struct NoRow: Error {}

extension EditOutcome {
    /// The revision that was written; throws what refused it.
    var revision: RevisionID {
        get throws {
            switch self {
            case .written(let revision): return revision
            case .refused(let error): throw error
            }
        }
    }

    /// The name of the error that refused it; nil when it was written.
    var error: String? {
        guard case .refused(let error) = self else { return nil }
        return error.error
    }
}

extension DocumentEdit {
    /// An edit whose revision the store names.
    static func next(
        _ id: String,
        after: RevisionID? = nil,
        _ body: String = "{}",
        tags: AskedTags = AskedTags(),
        deleted: Bool = false
    ) -> DocumentEdit {
        DocumentEdit(
            id: DocumentID(stored: id),
            revision: .next(after: after),
            isDeleted: deleted,
            body: DocumentBody(bytes: Array(body.utf8), isFaithfulInJSONB: true),
            tags: tags
        )
    }

    /// A revision with its ancestors, newest first, each as `generation-hash`.
    static func made(
        _ id: String,
        _ path: [String],
        _ body: String = "{}",
        tags: AskedTags = AskedTags(),
        deleted: Bool = false
    ) -> DocumentEdit {
        DocumentEdit(
            id: DocumentID(stored: id),
            revision: .made(RevisionPath(path)),
            isDeleted: deleted,
            body: DocumentBody(bytes: Array(body.utf8), isFaithfulInJSONB: true),
            tags: tags
        )
    }
}

extension RevisionPath {
    init(_ names: [String]) {
        let revisions = names.map { RevisionID($0) }
        self.init(start: revisions[0].generation, hashes: revisions.map(\.hash))
    }
}

extension RevisionID: ExpressibleByStringLiteral {
    /// A revision that the test writes down, so that it is one.
    package init(stringLiteral value: String) { self.init(value) }

    init(_ text: String) {
        do {
            try self.init(parsing: text)
        } catch {
            preconditionFailure("\(text) is no revision")
        }
    }
}

extension DocumentBody {
    /// The body as a client's text becomes it.
    init(text: String) throws {
        let document = try IncomingDocument(parsing: Array(text.utf8))
        self.init(bytes: document.body, isFaithfulInJSONB: document.isFaithfulInJSONB)
    }
}
