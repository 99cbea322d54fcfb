import Collation
import CouchProtocol
import DocumentStore
import Logging
import Postgres
import ScriptHosting
import ViewRules

/// The rows of a stretch of documents, as the columns of a batch.
struct MappedBatch: Sendable {
    /// The number of the last change in it.
    private(set) var last = 0
    /// About how many bytes it has as a statement.
    private var bytes = 0
    private var documents: [Int64] = []
    private var views: [Int64] = []
    private var feeds: [Int64] = []
    private var echoes: [Bool] = []
    private var keys: [[UInt8]] = []
    private var tails: [[UInt8]?] = []
    private var ids: [String] = []
    private var positions: [Int32] = []
    private var rowDocuments: [Int64] = []
    private var jsons: [[UInt8]] = []
    private var values: [[UInt8]] = []
    private(set) var failures: [Failure] = []

    /// Whether it changes no document's rows.
    var isEmpty: Bool { documents.isEmpty }

    /// A document that a view does not have.
    struct Failure: Sendable {
        let document: Int64
        let id: String
        let view: Int64
        let reason: String
    }

    /// With so many bytes a batch ends: each row is written once for each feed of its document, of which there may be
    /// many.
    static let size = 32 << 20
    /// How many bytes of rows one document may have, in all its feeds together.
    static let documentSize = 128 << 20
    /// What a row takes beside its key and its value.
    private static let overhead = 128

    /// A batch that takes rows away.
    init(removing documents: [Int64]) {
        self.documents = documents
    }

    /// The batch of as many of the documents as make it large, from the first on, which it takes from there.
    ///
    /// - Parameter outcomes: For each of them that is not deleted, in order, what each view's map made of it.
    fileprivate init(
        taking documents: inout ArraySlice<IndexableDocument>,
        _ outcomes: inout ArraySlice<[MapOutcome]>,
        of index: ViewIndex
    ) {
        while bytes < Self.size, let document = documents.popFirst() {
            append(document, document.isDeleted ? [] : outcomes.popFirst() ?? [], index)
        }
    }

    private mutating func append(_ document: IndexableDocument, _ outcomes: [MapOutcome], _ index: ViewIndex) {
        documents.append(document.number)
        last = document.seq
        let limit = bytes + Self.documentSize
        for (view, outcome) in zip(index.views, outcomes) {
            switch outcome {
            case .rows(let rows): append(rows, document, view, index.definition.order, limit: limit)
            case .failed(let error): fail(document, view, "\(error)")
            }
        }
    }

    private mutating func append(
        _ rows: [MapRow],
        _ document: IndexableDocument,
        _ view: Int64,
        _ order: CollationKey.Order,
        limit: Int
    ) {
        var made: [StoredKey] = []
        made.reserveCapacity(rows.count)
        var size = 0
        for row in rows {
            do throws(CollationKey.Failure) {
                let key = try CollationKey(row.key, order: order, limit: StoredKey.limit).bytes
                made.append(StoredKey(key))
                size += Self.overhead + document.id.text.utf8.count + key.count + row.key.count + row.value.count
            } catch {
                return fail(document, view, "a key \(error.words)")
            }
        }
        size *= document.feeds.count
        guard bytes + size <= limit else {
            let count = document.feeds.count
            return fail(document, view, "its rows are too large to be kept for each of its \(count) owners and groups")
        }
        bytes += size
        for (position, row) in rows.enumerated() {
            let key = made[position]
            let (json, value) = (Array(row.key), Array(row.value))
            for (place, feed) in document.feeds.enumerated() {
                views.append(view)
                feeds.append(feed)
                echoes.append(place > 0)
                keys.append(key.head)
                tails.append(key.tail)
                ids.append(document.id.text)
                positions.append(Int32(clamping: position))
                rowDocuments.append(document.number)
                jsons.append(json)
                values.append(value)
            }
        }
    }

    private mutating func fail(_ document: IndexableDocument, _ view: Int64, _ reason: String) {
        // PostgreSQL's text has no U+0000.
        let reason = String(reason.prefix(500)).replacing("\0", with: "\u{FFFD}")
        failures.append(Failure(document: document.number, id: document.id.text, view: view, reason: reason))
    }

    /// The statement that makes the index have these rows and be at the change `to`; false when it was not at `from`.
    func apply(to index: ViewIndex, from: Int, to: Int, purge: Int) -> PostgresQuery {
        """
        SELECT apply_view_batch(
            \(index.id), \(Int64(from)), \(Int64(to)), \(Int64(purge)), \(documents),
            \(views), \(feeds), \(echoes), \(keys), \(tails), \(ids), \(positions), \(rowDocuments), \(jsons),
            \(values),
            \(failures.map(\.document)), \(failures.map(\.view)), \(failures.map(\.reason))
        )
        """
    }
}

/// The rows of a stretch of documents, of which some are in memory as a batch at once.
struct MappedStretch: Sendable {
    private let index: ViewIndex
    private var ready: MappedBatch?
    /// Those that are in no batch yet.
    private var documents: [IndexableDocument]
    private var outcomes: [[MapOutcome]]

    /// Makes the first batch, which nearly always has all of them.
    ///
    /// - Parameter outcomes: For each of them that is not deleted, in order, what each view's map made of it.
    init(_ documents: [IndexableDocument], _ outcomes: [[MapOutcome]], of index: ViewIndex) {
        self.index = index
        self.documents = documents
        self.outcomes = outcomes
        ready = makeNext()
    }

    /// The next batch; nil at the end.
    mutating func next() -> MappedBatch? {
        guard let batch = ready else { return makeNext() }
        ready = nil
        return batch
    }

    private mutating func makeNext() -> MappedBatch? {
        guard !documents.isEmpty else { return nil }
        var (rest, restOutcomes) = (documents[...], outcomes[...])
        let batch = MappedBatch(taking: &rest, &restOutcomes, of: index)
        // Copied, so that those that are done with are kept no longer.
        (documents, outcomes) = (Array(rest), Array(restOutcomes))
        return batch
    }
}

/// A collation key as a row has it: an index of PostgreSQL takes no more than 2,704 bytes for a row.
struct StoredKey: Sendable, Hashable {
    let head: [UInt8]
    let tail: [UInt8]?

    /// How many bytes stand in the index; ids, which stand there too, have up to 512.
    static let headLength = 1_800
    /// The longest key.
    static let limit = RowKey.limit

    init(_ key: [UInt8]) {
        guard key.count > Self.headLength else {
            (head, tail) = (key, nil)
            return
        }
        (head, tail) = (Array(key[..<Self.headLength]), Array(key[Self.headLength...]))
    }
}
