package import CouchProtocol
package import JSON
package import Postgres

/// What a database is to become: one that there is, with these settings, with some design documents and without others.
package struct DatabaseChange: Sendable {
    package let name: String
    /// Nil leaves the settings as they are, and makes no database.
    package let settings: DatabaseSettings?
    /// What is written, without tags, where it is not there as it is here; each with its `_id`.
    ///
    /// A document of Mango indexes keeps the indexes that others have added to it.
    package let designs: [JSONObject]
    /// What is deleted where it is there as it is here: what somebody else has written in its place stays, and so does
    /// a document with conflicts.
    package let dropped: [JSONObject]
    /// The Mango indexes that go from documents that stay: by document, their names.
    package let droppedIndexes: [DocumentID: Set<String>]

    package init(
        name: String,
        settings: DatabaseSettings?,
        designs: [JSONObject],
        dropped: [JSONObject],
        droppedIndexes: [DocumentID: Set<String>] = [:]
    ) {
        self.name = name
        self.settings = settings
        self.designs = designs
        self.dropped = dropped
        self.droppedIndexes = droppedIndexes
    }
}

/// A database as a change leaves it.
package struct ChangedDatabase: Sendable {
    package let database: Database
    /// The number of its last change.
    package let seq: Int
    /// Which of the dropped design documents were deleted.
    package let deleted: [DocumentID]
    /// Which of them are not as they were, or have conflicts, and stay.
    package let kept: [DocumentID]
}

extension DocumentStore {
    /// Changes databases, and what `body` changes besides, in one transaction: all of it, or nothing.
    ///
    /// It is planned before the transaction begins, so that no commit waits for more than a few statements, those of
    /// `body` among them; when somebody else has changed one of the documents or databases meanwhile, or the
    /// connection has broken before the transaction was committed, all is planned anew.
    ///
    /// - Parameters:
    ///   - body: Gets the databases by name, within the transaction; it may be run again, so it has no effect but
    ///     through its connection.
    ///   - beginning: What comes first in the transaction, when nobody waits for it yet; it may be run again likewise.
    /// - Throws: What refuses one of the documents, naming it; 503 when others come between again and again.
    package func change<Value: Sendable>(
        _ changes: [DatabaseChange],
        by caller: Caller,
        with body: (PostgresConnection, [String: ChangedDatabase]) async throws -> Value,
        beginning: (PostgresConnection) async throws -> Void = { _ in }
    ) async throws -> Value {
        for change in changes { try change.settings?.check() }
        defer { recentDatabases.forget() }
        var attempt = 1
        var pause = Duration.milliseconds(5)
        while true {
            do {
                var plans: [PlannedChange] = []
                // In one order, so that two of these do not wait for one another for ever.
                for change in changes.sorted(by: { $0.name < $1.name }) {
                    plans.append(try await plan(change, by: caller))
                }
                let (value, changed) = try await client.transaction(attempts: 1) { connection in
                    try await beginning(connection)
                    let changed = try await carryOut(plans, over: connection)
                    return (try await body(connection, changed), changed)
                }
                for change in changed.values { notifier.committed(change.database) }
                return value
            } catch  where error.meansOvertaken {
                guard attempt < Self.changeAttempts else { throw error.whenOvertakenForLong }
                attempt += 1
                try await Task.sleep(for: pause * Double.random(in: 0.5...1))
                pause = min(pause * 2, .milliseconds(500))
            }
        }
    }

    /// How often changes are planned because others come between.
    private static let changeAttempts = 20

    /// A change over the database as it was when it was planned.
    private struct PlannedChange: Sendable {
        let change: DatabaseChange
        /// With the settings that it is to have; nil where there was none.
        let database: Database?
        let plan: WritePlan
        /// What commits the plan; a database that is new has none, as its number is not known.
        let statements: [PostgresQuery]
        let deleted: [DocumentID]
        let kept: [DocumentID]
    }

    private func plan(_ change: DatabaseChange, by caller: Caller) async throws -> PlannedChange {
        var database: Database?
        do {
            database = try await self.database(change.name)
        } catch let error as CouchError where error == .noDatabase {
            database = nil
        }
        let settings = change.settings ?? database?.settings ?? DatabaseSettings()
        database?.settings = settings
        let dropped = try change.dropped.map { try $0.designID }
        let ids = try change.designs.map { try $0.designID } + dropped
        var current: [DocumentID: StoredRevision] = [:]
        if let database {
            let found = try await fetch(ids.map { RevisionRequest(id: $0) }, from: database, for: caller)
            current = Dictionary(uniqueKeysWithValues: found.map { ($0.key.id, $0.value) })
        }
        var (deleted, kept): ([DocumentID], [DocumentID]) = ([], [])
        for (id, document) in zip(dropped, change.dropped) {
            guard let present = current[id], !present.isDeleted else { continue }
            if present.is(document) { deleted.append(id) } else { kept.append(id) }
        }
        let edits = try edits(of: change, deleting: deleted, over: current, settings)
        try await checkDesigns(edits, in: change.name)
        var plan = WritePlan(settings, over: [:], limits: limits)
        if let database, !edits.isEmpty {
            let request = CommitQueue.Request(database: database, edits: edits, caller: caller, traceID: nil)
            plan = try await basis(of: [request]).plan
        }
        for edit in edits {
            guard case .refused(let error) = plan.add(edit, by: caller, traceID: nil) else { continue }
            throw error == .conflict ? ChangeOvertaken() : error.about(edit.id, in: change.name)
        }
        var statements: [PostgresQuery] = []
        if let database { statements = try await self.statements(committing: plan, to: database) }
        return PlannedChange(
            change: change,
            database: database,
            plan: plan,
            statements: statements,
            deleted: deleted,
            kept: kept
        )
    }

    private func edits(
        of change: DatabaseChange,
        deleting deleted: [DocumentID],
        over current: [DocumentID: StoredRevision],
        _ settings: DatabaseSettings
    ) throws -> [DocumentEdit] {
        let designs = try change.designs.map { design in
            let id = try design.designID
            return design.keepingIndexes(of: current[id], without: change.droppedIndexes[id] ?? [])
        }
        let tombstones = deleted.map { id -> JSONObject in ["_id": .string(id.text), "_deleted": true] }
        let post = DocumentPost(
            documents: designs + tombstones,
            policy: .override,
            ownership: .tags(.none),
            onlyIfChanged: true
        )
        let plan = PostPlan(post, over: current, settings) { DocumentID(stored: "") }
        for case .refused(let id, let error) in plan.refusals {
            throw error.about(id.map { DocumentID(stored: $0) }, in: change.name)
        }
        return plan.edits
    }

    private func checkDesigns(_ edits: [DocumentEdit], in database: String) async throws {
        for edit in edits where edit.id.isDesign && !edit.isDeleted {
            let write = DesignWrite(id: edit.id, body: edit.body.bytes, isReplicated: false)
            if let error = await validator?.refusal(ofDesign: write) { throw error.about(edit.id, in: database) }
        }
    }

    /// Carries out what was planned, within a transaction.
    private func carryOut(
        _ plans: [PlannedChange],
        over connection: PostgresConnection
    ) async throws -> [String: ChangedDatabase] {
        // First the counters, in the order in which changes of memberships lock them: nothing is committed from now on.
        let present = plans.compactMap(\.database?.id)
        _ = try await connection.query(
            "SELECT FROM counters WHERE database = ANY(\(present)) ORDER BY database FOR UPDATE"
        )
        var databases: [(PlannedChange, Database)] = []
        for planned in plans {
            guard let database = try await settled(planned, over: connection) else { continue }
            databases.append((planned, database))
        }
        let places = try await connection.query(
            "SELECT database, seq FROM counters WHERE database = ANY(\(databases.map(\.1.id)))"
        )
        var seqs: [Int32: Int] = [:]
        for row in places {
            let (database, seq) = try row.decode(Int32.self, Int64.self)
            seqs[database] = Int(seq)
        }
        var changed: [String: ChangedDatabase] = [:]
        for (planned, database) in databases {
            changed[database.name] = ChangedDatabase(
                database: database,
                seq: seqs[database.id] ?? 0,
                deleted: planned.deleted,
                kept: planned.kept
            )
        }
        return changed
    }

    /// Makes the database, or gives it its settings, and writes its documents; nil where there is none to be.
    private func settled(_ planned: PlannedChange, over connection: PostgresConnection) async throws -> Database? {
        let name = planned.change.name
        if let database = planned.database {
            if let settings = planned.change.settings {
                let configuration = Self.configuration(of: "id = \(database.id)", settings)
                guard try await connection.execute(configuration) == 1 else { throw ChangeOvertaken() }
            }
            for statement in planned.statements { _ = try await connection.query(statement) }
            return database
        }
        guard let settings = planned.change.settings else { return nil }
        guard try await connection.query(Self.creation(of: name, settings)).first != nil,
            let database = try Self.database(name, try await connection.query(Self.selection(of: name)))
        else { throw ChangeOvertaken() }
        guard !planned.plan.order.isEmpty else { return database }
        let batch = CommitBatch(planned.plan)
        largestDocuments.note(batch.largestDocument, of: database.id)
        let numbers = try await feeds.made(batch.feeds, in: database, over: connection)
        _ = try await connection.query(batch.statement(in: database, numbers: numbers))
        return database
    }
}

/// Somebody else has changed what a change was planned over.
private struct ChangeOvertaken: Error {}

extension Error {
    /// Whether it says that others have changed, made or deleted what a transaction was about, or that it ended before
    /// its commit for no reason of its own.
    fileprivate var meansOvertaken: Bool {
        if self is ChangeOvertaken { return true }
        guard let error = self as? PostgresError else { return false }
        return error.isRetryable || error.sqlState == .databaseGone || error.sqlState == .foreignKeyViolation
    }

    /// What is said when it has been so too often.
    fileprivate var whenOvertakenForLong: any Error {
        if let error = self as? PostgresError, error.isUnavailable { return error }
        return CouchError.unavailable("Others change the same databases all the time. Try again later.")
    }
}

extension JSONObject {
    fileprivate var designID: DocumentID {
        get throws(CouchError) {
            let id = try DocumentID(self["_id"]?.stringValue ?? "")
            // Of all others validation functions would have to be asked.
            guard id.isDesign else { throw .badRequest("'\(id.text)' is no design document.") }
            return id
        }
    }

    /// A document of Mango indexes with those, too, that are in the present one and not among the dropped.
    fileprivate func keepingIndexes(of present: StoredRevision?, without dropped: Set<String>) -> JSONObject {
        guard self["language"] == "query", let present, !present.isDeleted, let found = present.members,
            found["language"] == "query"
        else { return self }
        var views = self["views"]?.objectValue ?? [:]
        for (name, view) in found["views"]?.objectValue ?? [:] where views[name] == nil && !dropped.contains(name) {
            views[name] = view
        }
        var document = self
        document["views"] = .object(views)
        return document
    }
}

extension StoredRevision {
    fileprivate var members: JSONObject? {
        (try? JSONValue(parsing: body, limits: .unlimited))?.objectValue
    }

    /// Whether it is that document, with everybody's tags and without attachments, and the only one that is live: a
    /// conflict would take its place.
    fileprivate func `is`(_ document: JSONObject) -> Bool {
        var members = document
        members["_id"] = nil
        return self.members == members && tags == .none && attachments.isEmpty && tree?.conflicts.isEmpty ?? true
    }
}

extension CouchError {
    /// The error with the document that it is about.
    fileprivate func about(_ id: DocumentID?, in database: String) -> CouchError {
        CouchError(status: status, error: error, reason: "\(database)/\(id?.text ?? ""): \(reason)")
    }
}
