import Collation
import CouchProtocol
public import JSON
import Mango

extension FullSyncDatabase {
    /// Finds documents by a selector, as CouchDB's `_find` does.
    ///
    /// ```swift
    /// try await database.createIndex(["type", "due"])
    /// let due: JSONObject = ["type": "task", "due": ["$lt": "2027"]]
    /// let result = try await database.find(["selector": .object(due), "sort": ["type", "due"]])
    /// ```
    ///
    /// - Parameter request: The members of CouchDB's request: `selector`, `sort`, `fields`, `limit` (25 where it is not
    ///   said), `skip`, `bookmark`, `use_index`, `conflicts`, `update` and the others.
    /// - Throws: ``FullSyncError`` named `no_usable_index` when the order that is asked for needs an index, and what
    ///   CouchDB says of a request that it does not understand.
    public func find(_ request: JSONObject) async throws -> FindResult {
        try await FullSyncError.translating {
            let request = try FindRequest(parsing: request)
            let (plan, definition) = try await plan(request, for: .find)
            var view: Int64?
            if let definition {
                let index = try await replica.index(definition)
                if request.update, !request.isStale {
                    try await replica.indexes.bringUpToDate(index, in: replica)
                }
                view = index.views[0]
            }
            return try await replica.read { [rules = replica.rules, view] reader in
                var run = try DeviceFind(request, plan, reader, rules)
                return try run.run(view)
            }
        }
    }

    /// Says which index a query would use, and why, as CouchDB's `_explain` does.
    public func explain(_ request: JSONObject) async throws -> JSONObject {
        try await FullSyncError.translating {
            let (plan, _) = try await plan(try FindRequest(parsing: request), for: .explanation)
            return plan.explanation(database: name).objectValue ?? [:]
        }
    }

    private func plan(
        _ request: FindRequest,
        for purpose: FindPlanner.Purpose
    ) async throws -> (FindPlan, IndexDefinition?) {
        let known = try await replica.indexes.designs(in: replica).flatMap(\.queries)
        let planner = FindPlanner(request, indexes: known.map(\.index), collation: .unicode)
        let plan = try planner.plan(for: purpose)
        return (plan, known.first { $0.index == plan.index?.index }?.definition)
    }

    // MARK: - Indexes

    /// Makes an index by the values of fields, for queries on this device; the server does not get it.
    ///
    /// - Parameters:
    ///   - fields: The fields, the most important one first; a document that lacks one is not in the index.
    ///   - name: The index's name; nil for one that is made of its definition.
    ///   - design: The design document that is to have it; nil for one of its own.
    ///   - filter: A selector that says which documents are in the index; nil for all.
    @discardableResult
    public func createIndex(
        _ fields: [String],
        name: String? = nil,
        design: String? = nil,
        filter: JSONObject? = nil
    ) async throws -> IndexReceipt {
        var index: JSONObject = ["fields": .array(fields.map { .string($0) })]
        if let filter { index["partial_filter_selector"] = .object(filter) }
        var request: JSONObject = ["index": .object(index)]
        request["name"] = name.map { .string($0) }
        request["ddoc"] = design.map { .string($0) }
        return try await createIndex(request: request)
    }

    /// Makes an index that CouchDB's request of `_index` describes.
    @discardableResult
    public func createIndex(request: JSONObject) async throws -> IndexReceipt {
        try await FullSyncError.translating {
            let request = try IndexRequest(parsing: request)
            let isNew = try await replica.transaction { [rules = replica.rules] writer in
                let present = try writer.reader.json(request.design, rules: rules)
                    .flatMap { try JSONValue(parsing: $0, limits: .unlimited).objectValue }
                let members = present.map { JSONObject($0.filter { !$0.0.hasPrefix("_") }) }
                let document = try request.added(to: members)
                guard members != document else { return false }
                try writer.editHere(request.design, document, after: present)
                return true
            }
            return IndexReceipt(design: request.design.text, name: request.name, isNew: isNew)
        }
    }

    /// Lists the indexes, as CouchDB's `_index` does; that of all documents by id is the first.
    public func indexes() async throws -> [JSONObject] {
        try await FullSyncError.translating {
            let known = try await replica.indexes.designs(in: replica).flatMap(\.queries).map(\.index).sorted()
            return ([.allDocuments] + known.map(CandidateIndex.index)).compactMap(\.json.objectValue)
        }
    }

    /// Takes an index away from this device.
    ///
    /// - Throws: ``FullSyncError`` named `not_found` when there is none of that name.
    public func deleteIndex(_ name: String, of design: String) async throws {
        try await FullSyncError.translating {
            let id = try IndexRequest.design(named: design)
            try await replica.transaction { [rules = replica.rules] writer in
                let present = try writer.reader.json(id, rules: rules)
                    .flatMap { try JSONValue(parsing: $0, limits: .unlimited).objectValue }
                guard let present, QueryIndex.all(in: id, present).contains(where: { $0.name == name }) else {
                    throw CouchError.missing
                }
                let members = JSONObject(present.filter { !$0.0.hasPrefix("_") })
                try writer.editHere(id, IndexRequest.removing([name], from: members), after: present)
            }
        }
    }
}

extension StoreWriter {
    /// Writes a document that stays on the device: no push looks at it.
    ///
    /// - Parameter members: The new document; nil deletes it.
    fileprivate mutating func editHere(
        _ id: DocumentID,
        _ members: JSONObject?,
        after present: JSONObject?
    ) throws {
        var document = members ?? ["_deleted": true]
        document["_id"] = .string(id.text)
        document["_rev"] = present?["_rev"]
        let incoming = try IncomingDocument(parsing: JSONValue.object(document).bytes, rules: limits.rules)
        _ = try edit(id, incoming, isLocal: false)
    }
}
