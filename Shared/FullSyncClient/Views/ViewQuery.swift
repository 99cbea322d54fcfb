import Foundation
public import JSON
import ViewRules

/// Which rows of a view are wanted, and what of them; the parameters of CouchDB's views.
public struct ViewQuery: Hashable, Sendable {
    /// Whether the view is brought up to date first.
    public enum Freshness: Hashable, Sendable {
        /// The rows are those of the documents as they are.
        case upToDate
        /// The rows are those that there are, which is fast, and may be old (`stale=ok`).
        case asItIs
        /// The rows are those that there are, and are brought up to date afterwards (`stale=update_after`).
        case updatedAfterwards
    }

    /// The key to begin with.
    public var startKey: JSONValue?
    /// The key to end with.
    public var endKey: JSONValue?
    /// The document to begin with among the rows of ``startKey``.
    public var startKeyDocument: String?
    /// The document to end with among the rows of ``endKey``.
    public var endKeyDocument: String?
    /// Whether rows of ``endKey`` are wanted too.
    public var includesEnd = true
    /// The only keys that are wanted, in the order of the answer.
    public var keys: [JSONValue]?
    /// Whether the order is from the last to the first; ``startKey`` is then the greater one.
    public var isDescending = false
    /// How many rows are passed over.
    public var skip = 0
    /// How many rows are wanted at most; nil for all.
    public var limit: Int?
    /// Whether the rows are reduced; nil for whether the view can.
    public var isReduced: Bool?
    /// Whether each key is reduced for itself.
    public var groups: Bool?
    /// How many elements of the keys, which are arrays, make a group.
    public var groupLevel: Int?
    /// Whether the documents are read with the rows: the row's own, or the one that `_id` of its value names.
    public var includesDocuments = false
    /// Whether conflicting revisions are told with the documents.
    public var includesConflicts = false
    /// Whether the contents of attachments are read with the documents.
    public var includesAttachments = false
    /// Whether the view is brought up to date first.
    public var freshness = Freshness.upToDate

    /// All rows, reduced where the view can.
    public init() {}

    /// The rows of one key.
    public init(key: JSONValue) {
        startKey = key
        endKey = key
    }

    var arguments: ViewArguments {
        var arguments = ViewArguments()
        (arguments.keys, arguments.startKey, arguments.endKey) = (keys, startKey, endKey)
        (arguments.startKeyID, arguments.endKeyID) = (startKeyDocument, endKeyDocument)
        (arguments.inclusiveEnd, arguments.isDescending) = (includesEnd, isDescending)
        (arguments.reduces, arguments.groups, arguments.groupLevel) = (isReduced, groups, groupLevel)
        (arguments.includesDocuments, arguments.includesConflicts) = (includesDocuments, includesConflicts)
        return arguments
    }
}

/// The rows of a view.
public struct ViewResult: Hashable, Sendable {
    /// A row of a view, or a group of rows that were reduced.
    public struct Row: Hashable, Sendable {
        /// The document that the row is of; nil for a group.
        public let id: String?
        /// What the map emitted as the key, or what the keys of the group have in common.
        public let key: JSONValue
        /// What the map emitted as the value, or the reduction.
        public let value: JSONValue
        /// The document, when documents are asked for and there is one.
        public let document: JSONObject?
    }

    /// How many rows the view has; nil when the rows are reduced.
    public let totalRows: Int?
    /// How many rows of the view stand in front of the first one; nil when the rows are reduced.
    public let offset: Int?
    /// The rows, in order.
    public let rows: [Row]
}

extension ViewResult.Row {
    /// The row's value as a value of the application.
    ///
    /// - Throws: `DecodingError` when it is not what the type asks for.
    public func value<Value: Decodable>(as type: Value.Type) throws -> Value {
        try value.decoded(as: type)
    }

    /// The row's document as a value of the application; nil when there is none.
    public func document<Value: Decodable>(as type: Value.Type) throws -> Value? {
        try document.map { try JSONValue.object($0).decoded(as: type) }
    }
}

extension JSONValue {
    /// The value as a value of the application.
    func decoded<Value: Decodable>(as type: Value.Type) throws -> Value {
        try JSONDecoder().decode(type, from: Data(bytes))
    }
}
