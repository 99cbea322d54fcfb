import ControlStore
import CouchProtocol
import DocumentStore
import JSON
import Postgres
import Projects
import Sequences

/// The transactions of a FullSync connector: documents read and written by a run of a sequence.
///
/// What a step writes is committed together with its entry in the ledger of effects, so a run that is repeated does not
/// write it again.
struct FullSyncTransactions: Sendable {
    let run: ClaimedRun
    let store: DocumentStore
    let control: ControlStore
    let database: String

    /// Carries out a transaction whose variables have been checked.
    func call(_ transaction: FullSyncTransaction, _ variables: JSONObject, at site: CallSite) async throws -> JSONValue
    {
        do {
            let database = try await store.database(database)
            let caller = Caller.sequence(user: site.identity?.user)
            switch transaction {
            case .postDocument:
                let post = try post([variables["document"] ?? [:]], variables, to: database, at: site)
                return try await single(try await write(post, to: database, by: caller, at: site))
            case .postBulkDocuments:
                let documents = variables["documents"]?.arrayValue ?? []
                let post = try post(documents, variables, to: database, at: site)
                return Self.summary(try await write(post, to: database, by: caller, at: site))
            case .deleteDocument:
                return try await delete(variables, in: database, by: caller, at: site)
            case .getDocument:
                return try await get(variables, from: database, for: caller)
            case .allDocs:
                return try await list(variables, of: database, for: caller)
            case .databaseInfo:
                return try await info(of: database)
            }
        } catch let error as CouchError {
            throw SequenceFailure(
                code: SequenceFailure.Code(error.error),
                message: error.reason,
                details: ["database": .string(self.database)]
            )
        }
    }

    // MARK: - Writing

    private func post(
        _ documents: [JSONValue],
        _ variables: JSONObject,
        to database: Database,
        at site: CallSite
    ) throws -> DocumentPost {
        let objects = try documents.enumerated().map { index, document in
            guard let object = document.objectValue else {
                throw SequenceFailure(
                    code: .invalidValue,
                    message: "document \(index + 1) is no object but of type \(document.typeName)"
                )
            }
            return object
        }
        let name = variables["policy"]?.stringValue ?? "none"
        guard let policy = DocumentPost.Policy(rawValue: name) else {
            let names = DocumentPost.Policy.allCases.map(\.rawValue).joined(separator: ", ")
            throw SequenceFailure(code: .invalidValue, message: "'policy' must be one of \(names)")
        }
        return DocumentPost(
            documents: objects,
            policy: policy,
            ownership: try ownership(variables, at: site),
            onlyIfChanged: variables["onlyIfChanged"]?.boolValue ?? false,
            unlessChangedSince: try variables["unlessChangedSince"]?.stringValue.map { text in
                try Self.place(text, in: database)
            },
            mergeRules: try variables["mergeRules"]?.objectValue.map(MergeRule.rules) ?? []
        )
    }

    /// A place of the database's present life; one of an earlier life says nothing about this one's changes.
    private static func place(_ text: String, in database: Database) throws -> Int {
        guard let token = SequenceToken(parsing: text), token.incarnation == database.incarnation else {
            throw SequenceFailure(
                code: .invalidValue,
                message: "'unlessChangedSince' must be an update_seq that databaseInfo answered, of this database"
            )
        }
        return token.number
    }

    private func ownership(_ variables: JSONObject, at site: CallSite) throws -> DocumentPost.Ownership {
        let keepsGroups = variables["groups"] == "keep"
        let groups = try keepsGroups ? nil : Self.groups(variables["groups"])
        let owner: String?
        switch variables["owner"] {
        case nil, "user": owner = site.identity?.user
        case "anonymous": owner = nil
        case "keep":
            guard groups == nil || variables["groups"]?.isNull ?? true else {
                throw SequenceFailure(
                    code: .invalidValue,
                    message: "with 'owner: keep' the groups are those of each document; 'groups' must be 'keep'"
                )
            }
            return .asWritten
        case let named?:
            guard let name = named["name"]?.stringValue else {
                throw SequenceFailure(
                    code: .invalidValue,
                    message: "'owner' must be user, anonymous, keep, or an object with the name of the owner"
                )
            }
            owner = name
        }
        return keepsGroups ? .owner(owner) : .tags(Tags(owner: owner, groups: groups ?? []))
    }

    private static func groups(_ value: JSONValue?) throws -> [String] {
        guard let value, !value.isNull else { return [] }
        let names = value.arrayValue?.map(\.stringValue) ?? [nil]
        guard !names.contains(nil) else {
            throw SequenceFailure(code: .invalidValue, message: "'groups' must be a list of names, or 'keep'")
        }
        return names.compactMap(\.self)
    }

    private func write(
        _ post: DocumentPost,
        to database: Database,
        by caller: Caller,
        at site: CallSite
    ) async throws
        -> [JSONValue]
    {
        if let rows = try await recorded(at: site) { return rows }
        let step = site.path.description
        let (run, control) = (run, control)
        let outcomes = try await store.post(
            post,
            to: database,
            by: caller,
            traceID: run.traceID,
            ledger: { control.record(.array($0.map(\.json)), of: run, step: step) },
            check: { rows in
                guard rows.affected == 1 else { throw ClaimLost(run) }
            }
        )
        return outcomes.map(\.json)
    }

    /// What an earlier attempt at this run did at this step; nil when it did not come so far.
    private func recorded(at site: CallSite) async throws -> [JSONValue]? {
        guard run.isRepeated,
            case .answered(let answer) = try await control.effect(of: run, step: site.path.description)
        else { return nil }
        return answer.arrayValue ?? []
    }

    private func single(_ rows: [JSONValue]) async throws -> JSONValue {
        guard let row = rows.first else { return .null }
        if let error = row["error"]?.stringValue {
            throw SequenceFailure(
                code: SequenceFailure.Code(error),
                message: row["reason"]?.stringValue ?? error,
                details: row
            )
        }
        return row
    }

    private static func summary(_ rows: [JSONValue]) -> JSONValue {
        let written = rows.count { $0["written"] == true }
        let failed = rows.count { $0["error"] != nil }
        return [
            "results": .array(rows), "written": .number(JSONNumber(written)),
            "unchanged": .number(JSONNumber(rows.count - written - failed)), "failed": .number(JSONNumber(failed)),
        ]
    }

    private func delete(
        _ variables: JSONObject,
        in database: Database,
        by caller: Caller,
        at site: CallSite
    )
        async throws -> JSONValue
    {
        // Before the document is looked at, which is deleted when an earlier attempt has deleted it.
        if let rows = try await recorded(at: site) { return try await single(rows) }
        let id = try DocumentID(variables["id"]?.stringValue ?? "")
        guard let present = try await store.document(id, in: database, for: caller), !present.isDeleted else {
            throw CouchError.missing
        }
        var document: JSONObject = ["_id": .string(id.text), "_deleted": true]
        document["_rev"] = variables["rev"] ?? .string(present.revision.description)
        let post = DocumentPost(
            documents: [document],
            policy: .none,
            ownership: .tags(present.tags),
            onlyIfChanged: false
        )
        return try await single(try await write(post, to: database, by: caller, at: site))
    }

    // MARK: - Reading

    private func info(of database: Database) async throws -> JSONValue {
        let info = try await store.info(database)
        let token = SequenceToken(number: info.updateSeq, incarnation: database.incarnation)
        return [
            "db_name": .string(self.database), "doc_count": .number(JSONNumber(info.documents)),
            "doc_del_count": .number(JSONNumber(info.deleted)), "update_seq": token.sequence.json,
        ]
    }

    private func get(_ variables: JSONObject, from database: Database, for caller: Caller) async throws -> JSONValue {
        let id = try DocumentID(variables["id"]?.stringValue ?? "")
        let revision = try variables["rev"]?.stringValue.map { text throws(CouchError) in try RevisionID(parsing: text)
        }
        let request = RevisionRequest(id: id, revision: revision)
        let found = try await store.fetch([request], from: database, for: caller)[request]
        guard let found, !found.isDeleted || revision != nil else { throw CouchError.missing }
        return try found.json(database, conflicts: variables["conflicts"]?.boolValue ?? false)
    }

    private func list(_ variables: JSONObject, of database: Database, for caller: Caller) async throws -> JSONValue {
        let includesDocs = variables["includeDocs"]?.boolValue ?? false
        let found: [StoredRevision]
        if let keys = variables["keys"]?.arrayValue {
            let requests = try keys.map { RevisionRequest(id: try DocumentID($0.stringValue ?? "")) }
            let byRequest = try await store.fetch(requests, from: database, for: caller)
            found = requests.compactMap { byRequest[$0] }.filter { !$0.isDeleted }
        } else {
            var range = DocumentRange()
            range.first = variables["startKey"]?.stringValue
            range.last = variables["endKey"]?.stringValue
            range.isDescending = variables["descending"]?.boolValue ?? false
            range.skip = max(0, variables["skip"]?.intValue ?? 0)
            range.limit = min(max(0, variables["limit"]?.intValue ?? 10_000), 100_000)
            found = try await store.documents(in: range, of: database, for: caller)
        }
        let rows = try found.map { revision -> JSONValue in
            var row: JSONObject = [
                "id": .string(revision.id.text), "key": .string(revision.id.text),
                "value": ["rev": .string(revision.revision.description)],
            ]
            if includesDocs { row["doc"] = try revision.json(database, conflicts: false) }
            return .object(row)
        }
        return ["rows": .array(rows)]
    }
}

extension StoredRevision {
    /// The document as sequences see it: with its revision and its tags.
    func json(_ database: Database, conflicts: Bool) throws -> JSONValue {
        var document: JSONObject = ["_id": .string(id.text), "_rev": .string(revision.description)]
        if let owner = tags.owner { document[database.settings.ownerMember] = .string(owner) }
        if !tags.groups.isEmpty {
            document[database.settings.groupsMember] = .array(tags.groups.map(JSONValue.string))
        }
        let others = tree?.conflicts ?? []
        if conflicts, !others.isEmpty { document["_conflicts"] = .array(others.map { .string($0.description) }) }
        for (name, value) in try JSONValue(parsing: body).objectValue ?? [:] { document[name] = value }
        return .object(document)
    }
}
