import CouchProtocol
import GRDB
public import JSON

/// A document that was edited in several places at once: all its present revisions.
public struct Conflict: Hashable, Sendable {
    /// The document.
    public let id: String
    /// The revisions with `_id` and `_rev`; the first is the one that is shown as the document, on every device the
    /// same.
    public let revisions: [JSONObject]
    /// How the tags of the document are called.
    let tagNames: TagNames
}

/// Decides what becomes of a document that was edited in several places at once.
///
/// A resolver that makes the same of the same revisions, as those that are ready-made do, leads all devices to the same
/// document without another conflict.
public struct ConflictResolver: Sendable {
    /// What becomes of the document.
    public enum Resolution: Hashable, Sendable {
        /// The revision of that name (`_rev`) stays, and the others are deleted.
        case keep(revision: String)
        /// The document becomes this, behind the first revision and with its attachments, and the others are deleted.
        case replace(JSONObject)
        /// Nothing happens; the conflict stays on the list.
        case leave
    }

    let resolve: @Sendable (Conflict) async throws -> Resolution

    /// A resolver of the application's.
    public init(_ resolve: @escaping @Sendable (Conflict) async throws -> Resolution) {
        self.resolve = resolve
    }

    /// Keeps the revision that is shown already.
    public static let first = ConflictResolver { conflict in
        conflict.revisions.first?["_rev"]?.stringValue.map { .keep(revision: $0) } ?? .leave
    }

    /// Keeps the revision whose member has the greatest value, such as the time of the edit; where they are equal, or
    /// missing, the one that is shown already.
    public static func lastWriter(by member: String) -> ConflictResolver {
        ConflictResolver { conflict in
            guard let first = conflict.revisions.first else { return .leave }
            let last = conflict.revisions.dropFirst().reduce(first) { last, next in
                let (before, now) = (last[member] ?? nil, next[member] ?? nil)
                return JSONCollation.codePoints.compare(before, now) == .less ? next : last
            }
            return last["_rev"]?.stringValue.map { .keep(revision: $0) } ?? .leave
        }
    }

    /// Puts the members of all revisions together; where they differ, objects and arrays go over one another as with
    /// the policy ``PostPolicy/merge``, and else those of the revision that is shown already stay.
    ///
    /// The document belongs to whom that revision belonged.
    public static let merge = ConflictResolver { conflict in
        guard let first = conflict.revisions.first else { return .leave }
        let own = { (revision: JSONObject) in
            var members = revision.ownMembers
            members[conflict.tagNames.owner] = nil
            members[conflict.tagNames.groups] = nil
            return members
        }
        let merged = conflict.revisions.dropFirst().reversed().reduce(JSONObject()) {
            DocumentMerge.merge(own($1), over: $0)
        }
        return .replace(DocumentMerge.merge(own(first), over: merged))
    }
}

extension FullSyncDatabase {
    /// Lists the documents that were edited in several places at once, in the order of their ids.
    public func conflicts(limit: Int = 100) async throws -> [Conflict] {
        try await FullSyncError.translating {
            try await replica.read { [rules = replica.rules] reader in
                let ids = try String.fetchAll(
                    reader.db,
                    sql: "SELECT id FROM documents WHERE conflicts > 0 ORDER BY id LIMIT ?",
                    arguments: [max(limit, 0)]
                )
                return try ids.compactMap { try reader.conflict(DocumentID(stored: $0), rules) }
            }
        }
    }

    /// Makes one document of a conflict.
    ///
    /// - Returns: Whether it was done; not when the document has changed since.
    @discardableResult
    public func resolve(_ conflict: Conflict, _ resolution: ConflictResolver.Resolution) async throws -> Bool {
        try await settle(conflict, resolution) != nil
    }

    /// Makes one document of a conflict.
    ///
    /// - Returns: The revisions that do it; nil when it was not done.
    private func settle(
        _ conflict: Conflict,
        _ resolution: ConflictResolver.Resolution
    ) async throws -> [RevisionID]? {
        guard resolution != .leave else { return nil }
        return try await FullSyncError.translating {
            try await replica.transaction { [rules = replica.rules] writer in
                let id = DocumentID(stored: conflict.id)
                let present = try writer.reader.conflict(id, rules)
                guard present?.revisions.map({ $0["_rev"] }) == conflict.revisions.map({ $0["_rev"] }) else {
                    return nil
                }
                return try writer.settle(id, resolution)
            }
        }
    }

    /// Gives each conflict to a resolver, but those whose resolution the server has refused, as the user may not write
    /// the document, and those with an edit that it has refused, which is the application's to decide.
    ///
    /// The server is not asked. When it refuses what was made of an edit that it never had, that is listed with
    /// ``refusedEdits()``.
    ///
    /// - Returns: How many were resolved.
    /// - Throws: What the resolver throws; the conflicts behind are not given to it.
    @discardableResult
    public func resolveConflicts(_ resolver: ConflictResolver) async throws -> Int {
        let look = try await resolveConflicts(
            of: nil,
            resolver,
            asksServer: false,
            mayGoOn: { true },
            failed: { throw $1 }
        )
        return look.resolved
    }

    /// What a look at conflicts has come to.
    struct ConflictLook: Sendable {
        /// How many were resolved.
        var resolved = 0
        /// Those with an edit that the server may not have got.
        var undecided: [DocumentID] = []
        /// Whether all were looked at.
        var isWhole = true
    }

    /// Gives the conflicts of those documents to a resolver, or all of them.
    ///
    /// - Parameters:
    ///   - asksServer: Whether those with an edit of this device are left, as the server is to be asked about it.
    ///   - mayGoOn: Is asked before each.
    ///   - failed: Takes the errors of the resolver, and those of what it decided.
    func resolveConflicts(
        of documents: [DocumentID]?,
        _ resolver: ConflictResolver,
        asksServer: Bool,
        mayGoOn: () -> Bool,
        failed: (DocumentID, any Error) throws -> Void
    ) async throws -> ConflictLook {
        var look = ConflictLook()
        // Those that the resolver leaves are met once.
        var last = ""
        while true {
            let ids: [DocumentID]
            if let documents { ids = documents } else { ids = try await conflicting(behind: last) }
            for id in ids {
                guard mayGoOn() else {
                    look.isWhole = false
                    return look
                }
                guard let (conflict, isLocal) = try await openConflict(id) else { continue }
                if isLocal, asksServer {
                    look.undecided.append(id)
                } else if try await decide(conflict, resolver, isDecided: !isLocal, failed) {
                    look.resolved += 1
                }
            }
            guard documents == nil, let end = ids.last else { return look }
            last = end.text
        }
    }

    /// Gives a conflict to a resolver when it is still of these revisions, all of which the server has.
    ///
    /// - Returns: Whether it was resolved.
    func resolveConflict(
        _ id: DocumentID,
        _ resolver: ConflictResolver,
        _ leaves: Set<RevisionID>,
        failed: (DocumentID, any Error) throws -> Void
    ) async throws -> Bool {
        guard let (conflict, _) = try await openConflict(id), conflict.leaves == leaves else { return false }
        return try await decide(conflict, resolver, isDecided: true, failed)
    }

    /// The present revisions of those of the documents that are in conflict, and for the resolver to decide.
    func leavesOfConflicts(_ ids: [DocumentID]) async throws -> [DocumentID: Set<RevisionID>] {
        var leaves: [DocumentID: Set<RevisionID>] = [:]
        for id in ids { leaves[id] = try await openConflict(id)?.0.leaves }
        return leaves
    }

    /// Some documents in conflict, in the order of their ids.
    private func conflicting(behind last: String) async throws -> [DocumentID] {
        try await FullSyncError.translating {
            try await replica.read { reader in
                try String.fetchAll(
                    reader.db,
                    sql: "SELECT id FROM documents WHERE conflicts > 0 AND id > ? ORDER BY id LIMIT 100",
                    arguments: [last]
                )
                .map { DocumentID(stored: $0) }
            }
        }
    }

    /// A conflict that is for the resolver, and whether the document was edited here since it was pushed; nil when
    /// there is none, or a refusal has made it the application's.
    private func openConflict(_ id: DocumentID) async throws -> (Conflict, Bool)? {
        let found = try await replica.read { [rules = replica.rules] reader -> (Conflict, Bool)? in
            // What is made of an edit that was refused is refused, too, and with it the edit would be taken back.
            guard try !reader.hasRefusal(of: id), let conflict = try reader.conflict(id, rules) else { return nil }
            return (conflict, try reader.document(id)?.isLocal == true)
        }
        guard let found, !replica.resolutions.isRefused(id, found.0.leaves) else { return nil }
        return found
    }

    /// Does with a conflict what the resolver says.
    ///
    /// - Parameter isDecided: Whether the server has all its revisions.
    /// - Returns: Whether it was resolved.
    private func decide(
        _ conflict: Conflict,
        _ resolver: ConflictResolver,
        isDecided: Bool,
        _ failed: (DocumentID, any Error) throws -> Void
    ) async throws -> Bool {
        let id = DocumentID(stored: conflict.id)
        do {
            guard let made = try await settle(conflict, try await resolver.resolve(conflict)) else { return false }
            // What is noted is taken back when the server refuses it, with what led to it. The same would go for an
            // edit that is still to be refused.
            if isDecided { replica.resolutions.resolved(id, conflict.leaves, by: made) }
            return true
        } catch {
            try Task.checkCancellation()
            try failed(id, error)
            return false
        }
    }
}

extension StoreReader {
    /// The present revisions of a document; nil when there are not several.
    fileprivate func conflict(_ id: DocumentID, _ rules: DocumentRules) throws -> Conflict? {
        let leaves = try document(id)?.tree.leaves.filter { !$0.isDeleted } ?? []
        guard leaves.count > 1 else { return nil }
        let revisions = try leaves.compactMap { leaf in
            try leaf.payload.flatMap { number in
                try JSONValue(parsing: try body(number).json(id, leaf, rules: rules), limits: .unlimited).objectValue
            }
        }
        return Conflict(id: id.text, revisions: revisions, tagNames: rules.tagNames)
    }
}

extension StoreWriter {
    fileprivate mutating func settle(
        _ id: DocumentID,
        _ resolution: ConflictResolver.Resolution
    ) throws -> [RevisionID] {
        let leaves = try reader.document(id)?.tree.leaves.filter { !$0.isDeleted } ?? []
        var kept = leaves.first
        if case .keep(let revision) = resolution {
            kept = leaves.first { $0.id.description == revision }
            guard kept != nil else {
                throw CouchError.badRequest("The revision `\(revision)` is none of the conflict.")
            }
        }
        var made: [RevisionID] = []
        for leaf in leaves where leaf.id != kept?.id {
            let body = try leaf.payload.map { try reader.body($0) }
            var edit = IncomingDocument()
            edit.revision = RevisionPath(leaf.id)
            edit.isDeleted = true
            (edit.owner, edit.groups) = (body?.owner, body?.groups)
            made.append(try self.edit(id, edit))
        }
        guard case .replace(let document) = resolution, let number = kept?.payload else { return made }
        var next = document.ownMembers
        next["_id"] = .string(id.text)
        let attachments = try reader.body(number).attachments.map { ($0.name, ["stub": true] as JSONValue) }
        if !attachments.isEmpty { next["_attachments"] = .object(JSONObject(attachments)) }
        let receipt = try Post(document: next, policy: .override).run(in: &self)
        return made + [try RevisionID(parsing: receipt.revision)]
    }
}

extension Conflict {
    /// The names of the revisions.
    fileprivate var leaves: Set<RevisionID> {
        Set(revisions.compactMap { $0["_rev"]?.stringValue.flatMap { try? RevisionID(parsing: $0) } })
    }
}

extension JSONObject {
    /// The members that are not CouchDB's.
    fileprivate var ownMembers: JSONObject { JSONObject(filter { !$0.0.hasPrefix("_") }) }
}
