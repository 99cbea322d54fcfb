import Collation
import CouchProtocol
import JSON
import Mango

/// Which changes could matter to a query.
enum LiveConcern: Sendable {
    /// Those of these documents.
    case documents(Set<String>)
    /// Those of documents in a range of ids.
    case list(ListOptions)
    /// Those that touch the rows of a view, or the documents that are read with them.
    case view(FullSyncDatabase, design: String, view: String, readsDocuments: Bool)
    /// Those of documents that match a selector, or did.
    case find(JSONObject, rules: DocumentRules)
}

/// Waits for changes of a database that could matter to a query.
struct LiveWatch: Sendable {
    private let replica: SQLiteReplica
    private let concern: LiveConcern
    private var since = UpdateSequence(0)
    /// The newest change that touched the view's rows when they were read.
    private var touched = 0

    /// How long changes are gathered that come after the first one.
    private static let gathering = Duration.milliseconds(50)
    private static let wait = Duration.seconds(60)

    init(replica: SQLiteReplica, concern: LiveConcern) {
        self.replica = replica
        self.concern = concern
    }

    /// Begins with the present state: what changes after it is told.
    mutating func begin() async throws {
        since = UpdateSequence(try await replica.read { try $0.lastSequence() })
        if case .view(let database, let design, let view, _) = concern {
            touched = (try? await Self.touched(database, design, view)) ?? 0
        }
    }

    /// Waits for changes.
    ///
    /// - Parameter shown: The documents of the last answer; nil when they are not known.
    /// - Returns: Whether one of them could matter.
    mutating func next(shown: Set<String>?) async throws -> Bool {
        var request = ChangesRequest(since: since, limit: 1_000, allLeaves: false)
        request.wait = Self.wait
        guard try await !replica.changes(request).rows.isEmpty else { return false }
        try await Task.sleep(for: Self.gathering)
        request.wait = nil
        var ids: [String] = []
        while true {
            let page = try await replica.changes(request)
            ids += page.rows.map(\.id.text)
            request.since = page.lastSequence
            if page.rows.count < 1_000 { break }
        }
        since = request.since
        return try await mayMatter(ids, shown)
    }

    private mutating func mayMatter(_ ids: [String], _ shown: Set<String>?) async throws -> Bool {
        switch concern {
        case .documents(let wanted): return ids.contains(where: wanted.contains)
        case .list(let options): return ids.contains(where: options.mayContain)
        case .view(let database, let design, let view, let readsDocuments):
            if readsDocuments || ids.contains("_design/" + design) { return true }
            let now = try await Self.touched(database, design, view)
            defer { touched = now }
            return now != touched
        case .find(let request, let rules): return try await mayMatch(ids, request, rules, shown)
        }
    }

    private static func touched(_ database: FullSyncDatabase, _ design: String, _ view: String) async throws -> Int {
        let target = try await database.target(design, view)
        try await database.replica.indexes.bringUpToDate(target.index, in: database.replica)
        return try await database.replica.read { try $0.standing(of: target.view).changed }
    }

    /// Whether one of the documents is in the answer or belongs there.
    ///
    /// One that was not in it and does not match takes no other's place, unless answers are passed over.
    private func mayMatch(
        _ ids: [String],
        _ request: JSONObject,
        _ rules: DocumentRules,
        _ shown: Set<String>?
    ) async throws -> Bool {
        let request = try FindRequest(parsing: request)
        guard let shown, request.skip == 0, request.bookmark == nil, !ids.contains(where: shown.contains) else {
            return true
        }
        return try await replica.read { reader in
            try ids.contains { id in
                guard let bytes = try reader.json(DocumentID(stored: id), rules: rules) else { return false }
                return request.selector.matches(
                    try JSONValue(parsing: bytes, limits: .unlimited),
                    collation: .unicode
                )
            }
        }
    }
}

extension ListOptions {
    /// Whether the document of that id could be listed.
    fileprivate func mayContain(_ id: String) -> Bool {
        let (first, last) = isDescending ? (endKey, startKey) : (startKey, endKey)
        if let first, id.utf8.lexicographicallyPrecedes(first.utf8) { return false }
        if let last, last.utf8.lexicographicallyPrecedes(id.utf8) { return false }
        return true
    }
}
