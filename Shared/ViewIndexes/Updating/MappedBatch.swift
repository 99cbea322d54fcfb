import Collation
import CouchProtocol
import DocumentStore
import Logging
import Postgres
import ScriptHosting

/// The rows of a stretch of documents, as the columns of a batch.
struct MappedBatch: Sendable {
    /// The number of the last change in it.
    let last: Int
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

    /// A document that a view does not have.
    struct Failure: Sendable {
        let document: Int64
        let id: String
        let view: Int64
        let reason: String
    }

    /// - Parameters:
    ///   - documents: Those of the stretch.
    ///   - outcomes: For each of them that is not deleted, in order, what each view's map made of it.
    init(_ documents: [IndexableDocument], _ outcomes: [[MapOutcome]], of index: ViewIndex) {
        last = documents.last?.seq ?? 0
        self.documents = documents.map(\.number)
        var rest = outcomes[...]
        for document in documents where !document.isDeleted {
            for (view, outcome) in zip(index.views, rest.popFirst() ?? []) {
                switch outcome {
                case .rows(let rows): append(rows, document, view, index.definition.order)
                case .failed(let error): fail(document, view, "\(error)")
                }
            }
        }
    }

    /// A batch that takes rows away.
    init(removing documents: [Int64]) {
        last = 0
        self.documents = documents
    }

    private mutating func append(
        _ rows: [MapRow],
        _ document: IndexableDocument,
        _ view: Int64,
        _ order: CollationKey.Order
    ) {
        var made: [[UInt8]] = []
        made.reserveCapacity(rows.count)
        for row in rows {
            do throws(CollationKey.Failure) {
                made.append(try CollationKey(row.key, order: order, limit: StoredKey.limit).bytes)
            } catch {
                return fail(document, view, "a key \(error.words)")
            }
        }
        for (position, row) in rows.enumerated() {
            let key = StoredKey(made[position])
            for (place, feed) in document.feeds.enumerated() {
                views.append(view)
                feeds.append(feed)
                echoes.append(place > 0)
                keys.append(key.head)
                tails.append(key.tail)
                ids.append(document.id.text)
                positions.append(Int32(clamping: position))
                rowDocuments.append(document.number)
                jsons.append(Array(row.key))
                values.append(Array(row.value))
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

/// A collation key as a row has it: an index of PostgreSQL takes no more than 2,704 bytes for a row.
struct StoredKey: Sendable, Hashable {
    let head: [UInt8]
    let tail: [UInt8]?

    /// How many bytes stand in the index; ids, which stand there too, have up to 512.
    static let headLength = 1_800
    /// The longest key.
    static let limit = 256 << 10

    init(_ key: [UInt8]) {
        guard key.count > Self.headLength else {
            (head, tail) = (key, nil)
            return
        }
        (head, tail) = (Array(key[..<Self.headLength]), Array(key[Self.headLength...]))
    }
}

extension CollationKey.Failure {
    /// What is wrong, behind "a key".
    var words: String {
        switch self {
        case .malformed: "is no JSON"
        case .tooDeep: "is nested too deep"
        case .tooLong: "is longer than \(StoredKey.limit) bytes in the order of the index"
        }
    }
}
