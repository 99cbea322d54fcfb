import Collation
import CouchProtocol
import Crypto
import Foundation
import JSON
import Mango
import ViewRules

/// All that decides about the rows of an index.
struct IndexDefinition: Sendable {
    /// What makes the rows of documents.
    enum Source: Sendable {
        /// The map functions of a design document.
        case functions(ViewFunctions)
        /// The values of fields.
        case fields(QueryIndex)
    }

    let source: Source
    /// Indexes with the same signature are one.
    let signature: [UInt8]

    init(_ source: Source) {
        self.source = source
        // Another ICU makes other keys, and an index is made anew for it.
        var facts = [Self.format, String(Collator.root.version)]
        switch source {
        case .functions(let functions):
            facts += [
                "javascript", functions.order.rawValue, String(functions.includesDesigns),
                String(functions.showsSequence),
            ]
            facts += functions.sources
        case .fields(let index): facts += ["query"] + index.sources
        }
        var hash = SHA256()
        for text in facts {
            hash.update(data: Data("\(text.utf8.count):".utf8))
            hash.update(data: Data(text.utf8))
        }
        signature = Array(hash.finalize())
    }

    /// Changes when the rows of the same functions become others.
    private static let format = "1"

    var order: CollationKey.Order {
        switch source {
        case .functions(let functions): functions.order
        case .fields: .unicode
        }
    }

    /// How many views the index has.
    var viewCount: Int {
        switch source {
        case .functions(let functions): functions.pairs.count
        case .fields: 1
        }
    }

    var includesDesigns: Bool {
        switch source {
        case .functions(let functions): functions.includesDesigns
        case .fields: false
        }
    }

    var showsSequence: Bool {
        switch source {
        case .functions(let functions): functions.showsSequence
        case .fields: false
        }
    }
}

/// An index that has its rows in the database.
struct DeviceIndex: Sendable {
    let number: Int64
    /// The numbers of its views, by their places.
    let views: [Int64]
    let definition: IndexDefinition
}

/// What a design document has for queries.
struct DeviceDesign: Sendable {
    let id: DocumentID
    let revision: RevisionID
    /// The views in JavaScript and their index; nil when it has none.
    let functions: ViewFunctions?
    let index: IndexDefinition?
    /// Mango's indexes, with what is kept for each.
    let queries: [(index: QueryIndex, definition: IndexDefinition)]

    init(_ id: DocumentID, _ revision: RevisionID, _ document: JSONObject) {
        self.id = id
        self.revision = revision
        functions = ViewFunctions(id, document)
        index = functions.map { IndexDefinition(.functions($0)) }
        queries = QueryIndex.all(in: id, document).map { ($0, IndexDefinition(.fields($0))) }
    }

    /// The signatures of all that it needs kept.
    var signatures: [[UInt8]] { (index.map { [$0] } ?? []).map(\.signature) + queries.map(\.definition.signature) }
}
