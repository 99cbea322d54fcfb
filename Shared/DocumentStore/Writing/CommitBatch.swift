import CouchProtocol
import JSON
import Postgres

/// What a plan changes, as the parameters of `commit_documents`.
struct CommitBatch {
    private var expected: [Int64] = []
    private var revisions: [String] = []
    private var tombstones: [Bool] = []
    private var owners: [String?] = []
    private var groups: [PostgresJSONB] = []
    private var leaves: [Int16] = []
    private var trees: [[UInt8]] = []
    private var origins: [String] = []
    private var authors: [String?] = []
    private var traceIDs: [String?] = []
    private var lineages: [PostgresJSONB?] = []
    private var liveChange: Int64 = 0
    private var deletedChange: Int64 = 0
    private var bodyPlaces: [Int32] = []
    private var bodyRevisions: [String] = []
    private var bodyValues: [PostgresJSONB] = []
    private var bodyTexts: [[UInt8]?] = []
    private var bodyAttachments: [PostgresJSONB?] = []
    private var bodySizes: [Int32] = []
    private var largestTree = 0
    private var entryPlaces: [Int32] = []
    private var entryFeeds: [Feed] = []
    private var entryPresences: [Bool] = []
    private var entryLosses: [[UInt8]?] = []
    private var bereftPlaces: [Int32] = []
    private var bereftFeeds: [String] = []
    private var endingPlaces: [Int32] = []
    private var endings: [PostgresJSONB] = []
    private let ids: [String]

    /// The feeds that the plan's documents enter, stay in or leave.
    private(set) var feeds: Set<Feed> = []

    /// The batch of a plan.
    init(_ plan: WritePlan) {
        ids = plan.order.map(\.text)
        var places: [DocumentID: Int32] = [:]
        for (index, id) in plan.order.enumerated() {
            guard let change = plan.changes[id], let winner = change.record.tree.winner else { continue }
            places[id] = Int32(index + 1)
            add(change, winner: winner)
            addEntries(of: change, place: Int32(index + 1))
            addGivenAway(by: change, place: Int32(index + 1), plan.rules)
            if let ending = change.ending, ending.revision != winner.id {
                endingPlaces.append(Int32(index + 1))
                endings.append(PostgresJSONB(ending.column))
            }
        }
        for body in plan.bodies {
            guard let place = places[body.id] else { continue }
            bodyPlaces.append(place)
            bodyRevisions.append(body.revision.description)
            // Where JSONB would lose something the text beside it is read, and the value is only searched. Of design
            // documents the order of members counts: that of an index's fields.
            bodyValues.append(PostgresJSONB(body.body.isFaithfulInJSONB ? body.body.bytes : body.body.searchable))
            bodyTexts.append(body.body.isFaithfulInJSONB && !body.id.isDesign ? nil : body.body.bytes)
            bodyAttachments.append(StoredAttachment.column(of: body.attachments))
            bodySizes.append(Int32(clamping: body.body.bytes.count))
        }
    }

    /// At least as many bytes as any of the documents has, with its history.
    var largestDocument: Int64 { Int64(bodySizes.max() ?? 0) + Int64(largestTree) }

    private mutating func add(_ change: WritePlan.Change, winner: RevisionTree<Tags>.Node) {
        let tags = winner.payload ?? .none
        expected.append(change.before.seq)
        revisions.append(winner.id.description)
        tombstones.append(winner.isDeleted)
        owners.append(tags.owner)
        groups.append(PostgresJSONB(tags.groupsText))
        leaves.append(Int16(clamping: change.record.tree.leafCount))
        trees.append(change.record.tree.encoded)
        largestTree = max(largestTree, trees.last?.count ?? 0)
        origins.append(change.caller.origin)
        authors.append(change.caller.author)
        traceIDs.append(change.traceID)
        lineages.append(Self.column(of: change.caller.lineage))
        let before = change.before.isLive
        liveChange += (winner.isDeleted ? 0 : 1) - (before == true ? 1 : 0)
        deletedChange += (winner.isDeleted ? 1 : 0) - (before == false ? 1 : 0)
    }

    /// The names of listeners as the change log keeps them; null where there are none.
    private static func column(of lineage: [String]) -> PostgresJSONB? {
        lineage.isEmpty ? nil : PostgresJSONB(JSONValue.array(lineage.map(JSONValue.string)).bytes)
    }

    private mutating func addEntries(of change: WritePlan.Change, place: Int32) {
        let (before, after) = (change.before.feeds, change.record.feeds)
        // With one leaf before and after in the same feeds, nobody lost anything.
        let losesNothing = before.isEmpty || before == after && change.before.tree.leafCount == 1
        for feed in after.union(before) {
            feeds.insert(feed)
            entryPlaces.append(place)
            entryFeeds.append(feed)
            entryPresences.append(after.contains(feed))
            let lost =
                losesNothing || !before.contains(feed)
                ? [] : change.record.tree.lostLeaves(since: change.before.tree, in: [feed])
            entryLosses.append(lost.isEmpty ? nil : Loss.encode(lost))
            guard !lost.isEmpty else { continue }
            bereftPlaces.append(place)
            bereftFeeds.append(feed.text)
        }
    }

    /// New leaves that their maker may not read: none of the maker's feeds ever had them, but the maker's device has.
    private mutating func addGivenAway(by change: WritePlan.Change, place: Int32, _ rules: AccessRules) {
        guard let feed = change.caller.lossFeed else { return }
        let tree = change.record.tree
        let given = tree.leaves
            .filter { leaf in
                !change.before.tree.contains(leaf.id) && !rules.mayRead(leaf.payload ?? .none, change.caller)
            }
            .compactMap { tree.path(to: $0.id) }
        guard !given.isEmpty else { return }
        feeds.insert(feed)
        entryPlaces.append(place)
        entryFeeds.append(feed)
        entryPresences.append(false)
        entryLosses.append(Loss.encode(given))
        bereftPlaces.append(place)
        bereftFeeds.append(feed.text)
    }

    /// The statement that commits the batch.
    ///
    /// - Parameter numbers: The numbers of the ``feeds``.
    func statement(in database: Database, numbers: [Feed: Int64]) -> PostgresQuery {
        let entryFeeds = entryFeeds.map { numbers[$0] ?? 0 }
        let commit: PostgresQuery = """
            commit_documents(
                \(database.id), \(ids), \(expected), \(revisions), \(tombstones), \(owners), \(groups), \(leaves),
                \(trees), \(origins), \(authors), \(traceIDs), \(lineages), \(liveChange), \(deletedChange),
                \(bodyPlaces), \(bodyRevisions), \(bodyValues), \(bodyTexts),
                \(bodyAttachments), \(bodySizes), \(largestDocument),
                \(entryPlaces), \(entryFeeds), \(entryPresences), \(entryLosses),
                \(bereftPlaces), \(bereftFeeds)
            )
            """
        return endings.isEmpty
            ? "SELECT \(fragment: commit)"
            : "SELECT note_endings(\(fragment: commit), \(database.id), \(endingPlaces), \(endings))"
    }
}
