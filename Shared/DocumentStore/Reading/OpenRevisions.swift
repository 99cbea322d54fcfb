package import CouchProtocol
import Postgres

/// Which revisions of one document a reader opens.
package struct OpenRequest: Sendable, Hashable {
    package enum Selection: Sendable, Hashable {
        /// The document as the caller sees it: the winner of the leaves that the caller may read.
        case winner
        /// Every leaf that the caller may read, the winner first.
        case leaves
        case revisions([RevisionID])
    }

    package var id: DocumentID
    package var selection: Selection
    /// Whether the leaves that came from a revision are opened in its place (`latest=true`).
    package var latest: Bool

    package init(id: DocumentID, _ selection: Selection, latest: Bool = false) {
        self.id = id
        self.selection = selection
        self.latest = latest
    }

    /// The request as ``DocumentStore/fitting(_:of:)`` takes it: where it is not about one revision, about all.
    package var revisionRequest: RevisionRequest { RevisionRequest(id: id, revision: onlyRevision) }

    /// The one revision that the request names, as long as nothing else takes its place.
    fileprivate var onlyRevision: RevisionID? {
        guard case .revisions(let list) = selection, list.count == 1, !latest else { return nil }
        return list[0]
    }

    /// Whether the history is needed to find out what is asked for.
    fileprivate var followsHistory: Bool {
        guard case .revisions = selection else { return false }
        return onlyRevision == nil
    }
}

/// What came of a revision that was asked for.
package enum OpenedRevision: Sendable {
    case found(StoredRevision)
    /// There is none for the caller: it never was, is not kept any more, or is not the caller's to read.
    case missing(RevisionID)

    /// The revision, where there is one.
    package var found: StoredRevision? {
        guard case .found(let revision) = self else { return nil }
        return revision
    }
}

extension DocumentStore {
    /// Opens revisions of documents, for each request those that it selects, in its order.
    ///
    /// A single query brings what is nearly always asked for: one revision each. Only other leaves take a second one,
    /// and what a user does not get by these is looked at more closely: the user may have joined a group a moment ago,
    /// or asks for the tombstone of something that was lost. An answer is empty when the document, or the caller's
    /// right to it, does not exist and no revision was named.
    ///
    /// - Parameter withHistory: Whether ``StoredRevision/tree`` is needed.
    package func openRevisions(
        _ requests: [OpenRequest],
        from database: Database,
        for caller: Caller,
        withHistory: Bool
    ) async throws -> [[OpenedRevision]] {
        var opened = try await openViewed(requests, from: database, for: caller, withHistory: withHistory)
        guard case .user(let name, let known) = caller, opened.contains(where: \.isIncomplete) else { return opened }
        let groups = try await self.groups(of: name)
        let present = caller.with(groups: known.union(groups))
        if present != caller {
            let places = opened.indices.filter { opened[$0].isIncomplete }
            let again = places.map { requests[$0] }
            let results = try await openViewed(again, from: database, for: present, withHistory: withHistory)
            for (place, result) in zip(places, results) { opened[place] = result }
        }
        return try await addTombstones(to: opened, of: requests, from: database, for: present)
    }

    private func openViewed(
        _ requests: [OpenRequest],
        from database: Database,
        for caller: Caller,
        withHistory: Bool
    ) async throws -> [[OpenedRevision]] {
        guard !requests.isEmpty else { return [] }
        let asked = DistinctRequests(requests)
        let rows = try await client.query(openQuery(asked, in: database, for: caller, withHistory: withHistory))
        let rules = AccessRules(database.settings)
        var opening = Opening(requests)
        for row in rows {
            guard let view = try DocumentView(row, for: caller, rules) else { continue }
            let place = Int(try row.decode(Int64.self, at: DocumentView.columnCount)) - 1
            // The body that came along is that of the revision that was named, or of the winner of all leaves.
            let revision = try asked.requests[place].onlyRevision ?? row.revision(at: 3)
            let body = try StoredBody(row, at: DocumentView.columnCount + 1)
            for place in asked.places[place] {
                opening.take(view, at: place, bodyAtHand: body.map { (revision, $0) })
            }
        }
        return opening.results(try await bodies(Array(opening.lacking)))
    }

    private func openQuery(
        _ asked: DistinctRequests,
        in database: Database,
        for caller: Caller,
        withHistory: Bool
    ) -> PostgresQuery {
        let whole = "asked.whole OR asked.rev <> documents.rev"
        let needsWhole = zip(asked.requests, asked.places).map { request, places in
            withHistory || request.followsHistory || places.count > 1
        }
        return """
            SELECT \(fragment: DocumentView.columns(for: caller, in: database, whole: whole)),
                asked.place, \(unescaped: StoredBody.columns)
            FROM unnest(
                \(asked.requests.map(\.id.text)), \(asked.requests.map { $0.onlyRevision?.description }),
                \(needsWhole)
            ) WITH ORDINALITY AS asked (id, rev, whole, place)
            CROSS JOIN \(fragment: Self.documentsAsked(in: database))
            \(unescaped: Self.body(of: "coalesce(asked.rev, documents.rev)"))
            """
    }

    /// Puts the tombstones of what a user lost in the place of revisions that are missing: a device was told their
    /// names and asks for them.
    private func addTombstones(
        to opened: [[OpenedRevision]],
        of requests: [OpenRequest],
        from database: Database,
        for caller: Caller
    ) async throws -> [[OpenedRevision]] {
        let ids = zip(requests, opened).filter { $1.contains(where: \.isMissing) }.map(\.0.id)
        guard !ids.isEmpty else { return opened }
        let histories = try await histories(of: ids, in: database, for: caller)
        return zip(requests, opened).map { request, revisions in
            guard let history = histories[request.id] else { return revisions }
            return revisions.map { opened in
                guard case .missing(let revision) = opened,
                    let path = history.tombstones.first(where: { $0.revision == revision })
                else { return opened }
                return .found(history.madeUp(path, of: request.id))
            }
        }
    }
}

extension OpenedRevision {
    fileprivate var isMissing: Bool { found == nil }
}

extension [OpenedRevision] {
    /// Whether there is nothing, or something is missing.
    fileprivate var isIncomplete: Bool { isEmpty || contains(where: \.isMissing) }
}

/// The first request of each document, and the places of all of them: however often a document is asked for, its
/// history is read once.
private struct DistinctRequests {
    private(set) var requests: [OpenRequest] = []
    /// For each of these where it and the others of its document stand.
    private(set) var places: [[Int]] = []

    init(_ all: [OpenRequest]) {
        var known: [DocumentID: Int] = [:]
        known.reserveCapacity(all.count)
        for (place, request) in all.enumerated() {
            if let first = known[request.id] {
                places[first].append(place)
            } else {
                known[request.id] = requests.count
                requests.append(request)
                places.append([place])
            }
        }
    }
}

/// The revisions that are being opened: which are asked for, and which bodies are still lacking.
private struct Opening {
    private enum Slot {
        case done(OpenedRevision)
        case lacking(DocumentView, RevisionID, BodyKey)
    }

    private let requests: [OpenRequest]
    private var slots: [[Slot]]
    /// The bodies that must still be read.
    private(set) var lacking: Set<BodyKey> = []

    init(_ requests: [OpenRequest]) {
        self.requests = requests
        slots = requests.map { request in
            guard case .revisions(let list) = request.selection else { return [] }
            return list.map { .done(.missing($0)) }
        }
    }

    /// Selects the revisions of a document that was found.
    mutating func take(_ view: DocumentView, at place: Int, bodyAtHand: (revision: RevisionID, body: StoredBody)?) {
        slots[place] = Self.selection(requests[place], of: view).map { revision, isKnown in
            guard isKnown else { return .done(.missing(revision)) }
            if let madeUp = view.madeUp(revision) { return .done(.found(madeUp)) }
            let key = BodyKey(document: view.number, revision: view.stored(revision))
            if let bodyAtHand, bodyAtHand.revision == key.revision {
                return .done(Self.opened(view, revision, bodyAtHand.body))
            }
            lacking.insert(key)
            return .lacking(view, revision, key)
        }
    }

    /// What was opened, with the bodies that were lacking.
    func results(_ bodies: [BodyKey: StoredBody]) -> [[OpenedRevision]] {
        slots.map { slots in
            slots.map { slot in
                switch slot {
                case .done(let opened): opened
                case .lacking(let view, let revision, let key): Self.opened(view, revision, bodies[key])
                }
            }
        }
    }

    private static func opened(_ view: DocumentView, _ revision: RevisionID, _ body: StoredBody?) -> OpenedRevision {
        body.flatMap { view.revision(revision, body: $0) }.map(OpenedRevision.found) ?? .missing(revision)
    }

    /// The revisions that a request selects, each with whether the caller may know of it.
    private static func selection(
        _ request: OpenRequest,
        of view: DocumentView
    ) -> [(revision: RevisionID, isKnown: Bool)] {
        switch request.selection {
        case .winner: return [(view.winner, true)]
        case .leaves: return view.leaves.map { ($0, true) }
        case .revisions(let list):
            guard request.latest, let tree = view.tree else { return list.map { ($0, view.contains($0)) } }
            return zip(list, tree.leaves(from: list)).flatMap { revision, leaves in
                tree.contains(revision) ? leaves.map { ($0.id, true) } : [(revision, false)]
            }
        }
    }
}
