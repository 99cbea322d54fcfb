import CouchProtocol
import Foundation
import JSON

/// Which changes a feed lets through.
enum FeedFilter: Sendable {
    case none
    /// Those of these documents.
    case documents(Set<DocumentID>)
    /// Those of design documents.
    case design
    /// Those whose documents a filter function of a design document lets through.
    case function(design: String, name: String)
    /// Those for whose documents the map of a view emits something.
    case view(design: String, name: String)
    /// Those whose documents the selector matches; of included documents, only these fields.
    case selector(Selector, fields: FieldProjection?)

    /// The filter that a request names.
    ///
    /// - Parameter body: The object in the body of a POST; nil for a GET.
    init(_ query: Query, _ body: JSONObject?, _ limits: FeedLimits) throws {
        switch query["filter"] ?? "" {
        case "": self = .none
        case "_doc_ids": self = .documents(try Self.documents(try body?["doc_ids"] ?? Self.list(query), limits))
        case "_design": self = .design
        case "_selector": self = try Self.selector(body, limits)
        case "_view":
            guard let view = query["view"], !view.isEmpty else {
                throw CouchError.badRequest("`view` filter parameter is not provided.")
            }
            guard let (design, name) = Self.names(view) else {
                throw CouchError.badRequest("`view` must be of the form `designname/viewname`")
            }
            self = .view(design: design, name: name)
        case let name where name.beginsExactly(with: "_"): throw CouchError.badRequest("unknown builtin filter name")
        case let name:
            guard let (design, name) = Self.names(name) else {
                throw CouchError.badRequest("`filter` must be of the form `designname/filtername`")
            }
            self = .function(design: design, name: name)
        }
    }

    /// The names of a design document and of something in it; as in CouchDB, each may be percent-encoded once more.
    private static func names(_ text: String) -> (design: String, name: String)? {
        let parts = text.split(separator: "/").map { $0.removingPercentEncoding ?? String($0) }
        guard parts.count == 2, !parts.contains(where: { $0.utf8.contains(0) }) else { return nil }
        return (parts[0], parts[1])
    }

    private static func list(_ query: Query) throws(CouchError) -> JSONValue? {
        guard let text = query["doc_ids"] else { return nil }
        do {
            return try JSONValue(parsing: text)
        } catch {
            throw .invalidJSON
        }
    }

    private static func documents(_ list: JSONValue?, _ limits: FeedLimits) throws(CouchError) -> Set<DocumentID> {
        guard let elements = list?.arrayValue, elements.allSatisfy({ $0.stringValue != nil }) else {
            throw .badRequest("`doc_ids` filter parameter is not a list of doc ids.")
        }
        guard elements.count <= limits.documentIDs else {
            throw CouchError(
                status: 413,
                error: "too_large",
                reason: "`doc_ids` names more than \(limits.documentIDs) documents."
            )
        }
        // What no document can be called does not change.
        return Set(elements.compactMap { $0.stringValue.flatMap { try? DocumentID($0) } })
    }

    private static func selector(_ body: JSONObject?, _ limits: FeedLimits) throws(CouchError) -> FeedFilter {
        guard let body else { throw .badRequest("Selector must be specified in POST payload") }
        guard let selector = body["selector"], selector.objectValue != nil else {
            throw .badRequest("Selector error: expected a JSON object")
        }
        guard selector.bytes.count <= limits.selectorBytes else {
            throw CouchError(
                status: 413,
                error: "too_large",
                reason: "The selector has more than \(limits.selectorBytes) bytes."
            )
        }
        do throws(CouchError) {
            let fields: FieldProjection? =
                if let fields = body["fields"], !fields.isNull { try FieldProjection(parsing: fields) } else { nil }
            return .selector(try Selector(parsing: selector), fields: fields)
        } catch {
            // As in CouchDB: `_find` names the kind of the mistake, `_changes` tells the reason alone.
            throw .badRequest(error.reason)
        }
    }

    /// Whether the document's body is needed to decide.
    var needsDocument: Bool {
        switch self {
        case .selector, .function, .view: true
        case .none, .documents, .design: false
        }
    }

    /// Whether a function of a design document decides.
    var needsScript: Bool {
        switch self {
        case .function, .view: true
        case .none, .documents, .design, .selector: false
        }
    }

    /// The documents that it names; nil when it names none.
    var documents: Set<DocumentID>? {
        if case .documents(let ids) = self { ids } else { nil }
    }

    /// What can be decided by a document's id.
    func admits(_ id: DocumentID) -> Bool {
        switch self {
        case .none, .selector, .function, .view: true
        case .documents(let ids): ids.contains(id)
        case .design: id.isDesign
        }
    }
}

/// How much feeds may ask.
struct FeedLimits: Sendable {
    /// How many feeds one user may have open at an instance.
    ///
    /// A device has one or two for each database; a gateway that speaks for many devices has more.
    var perUser = 10_000
    /// How many feeds an instance has open at most.
    var perInstance = 50_000
    /// How many rows are read at once, and so are in memory for one feed.
    var page = 4_000
    /// How many documents `_doc_ids` may name.
    var documentIDs = 100_000
    /// How large a selector may be.
    var selectorBytes = 64 << 10
}
