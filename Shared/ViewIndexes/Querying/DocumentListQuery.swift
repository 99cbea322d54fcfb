package import CouchProtocol
package import DocumentStore
package import JSON

/// What a request for a list of documents asks: the parameters of a view, as `couch_mrview_http` of CouchDB reads them,
/// from the address or from JSON.
package struct DocumentListQuery: Sendable {
    /// A parameter's value as it came: text of an address, or JSON of a body.
    enum Value: Sendable {
        case text(String)
        case json(JSONValue)
    }

    /// Nil for all documents of the range.
    package private(set) var keys: [JSONValue]?
    package private(set) var startKey: JSONValue?
    package private(set) var endKey: JSONValue?
    package private(set) var inclusiveEnd = true
    package private(set) var isDescending = false
    package private(set) var limit: Int?
    package private(set) var skip = 0
    package private(set) var includesBodies = false
    package private(set) var conflicts = false
    package private(set) var updateSeq = false
    package private(set) var attachments = AttachmentOptions()
    package private(set) var startKeyID: String?
    package private(set) var endKeyID: String?
    /// What is said about reducing; nil for nothing.
    package private(set) var reduces: Bool?
    package private(set) var groups: Bool?
    package private(set) var groupLevel: Int?
    package private(set) var update = Update.first
    private var isPartitioned = false

    /// Whether an index is brought up to date for the query.
    package enum Update: Sendable {
        case first
        case never
        case afterwards
    }

    /// The parameters of a body, with those of an address on top.
    package init(body: JSONObject, address: [(String, String)] = []) throws(CouchError) {
        for (name, value) in body { try take(name, .json(value)) }
        for (name, value) in address { try take(name, .text(value)) }
    }

    /// This query with the parameters of one of several `queries` on top.
    package func with(_ members: JSONObject) throws(CouchError) -> DocumentListQuery {
        var query = self
        for (name, value) in members { try query.take(name, .json(value)) }
        return query
    }

    /// Refuses what does not fit together.
    package func check() throws(CouchError) {
        guard reduces != true else { throw .queryParseError("Reduce is invalid for map-only views.") }
        guard groups != true, groupLevel ?? 0 == 0 else {
            throw .queryParseError("Invalid use of grouping on a map view.")
        }
        try checkPartition()
        guard let keys, !keys.isEmpty, startKey != nil || endKey != nil else { return }
        guard keys.count == 1, startKey == keys[0], endKey == keys[0] else {
            throw .queryParseError("`keys` is incompatible with `key`, `start_key` and `end_key`")
        }
    }

    func checkPartition() throws(CouchError) {
        guard !isPartitioned else { throw .queryParseError("`partition` parameter is not supported on this db") }
    }

    private mutating func take(_ name: String, _ value: Value) throws(CouchError) {
        switch name {
        case "key":
            startKey = try value.json()
            endKey = startKey
        case "keys":
            guard let list = try value.json().arrayValue else {
                throw .badRequest("`keys` parameter must be an array.")
            }
            keys = list
        case "startkey", "start_key": startKey = try value.json()
        case "endkey", "end_key": endKey = try value.json()
        case "startkey_docid", "start_key_doc_id": startKeyID = value.plainText
        case "endkey_docid", "end_key_doc_id": endKeyID = value.plainText
        case "inclusive_end": inclusiveEnd = try value.bool()
        case "descending": isDescending = try value.bool()
        case "limit": limit = min(try value.count(), Self.greatest)
        case "skip": skip = min(try value.count(), Self.greatest)
        case "include_docs": includesBodies = try value.bool()
        case "conflicts": conflicts = try value.bool()
        case "update_seq": updateSeq = try value.bool()
        case "reduce": reduces = try value.bool()
        case "group": groups = try value.bool()
        case "group_level": groupLevel = try value.count()
        case "partition": isPartitioned = true
        case "attachments": attachments.sendsContents = try value.bool()
        case "att_encoding_info": attachments.showsEncoding = try value.bool()
        case "sorted": _ = try value.bool()
        case "stable": _ = try value.check(["true", "false"], of: name)
        case "update":
            switch try value.check(["true", "false", "lazy"], of: name) {
            case "false": update = .never
            case "lazy": update = .afterwards
            default: update = .first
            }
        case "stale":
            update = try value.check(["ok", "update_after"], of: name) == "ok" ? .never : .afterwards
        default: break
        }
    }
}

extension DocumentListQuery.Value {
    func json() throws(CouchError) -> JSONValue {
        switch self {
        case .json(let value): return value
        case .text(let text):
            let bytes = Array(text.utf8)
            return try JSONValue(received: bytes, in: bytes.indices, limits: JSONLimits())
        }
    }

    func bool() throws(CouchError) -> Bool {
        if case .json(.bool(let value)) = self { return value }
        switch text?.lowercased() {
        case "true": return true
        case "false": return false
        default: throw .queryParseError("Invalid boolean parameter: \(shown)")
        }
    }

    func count() throws(CouchError) -> Int {
        let number: Int? =
            switch self {
            case .json(let value): value.intValue ?? value.stringValue.flatMap { Int($0) }
            case .text(let text): Int(text)
            }
        guard let number else { throw .queryParseError("Invalid value for integer: \(shown)") }
        guard number >= 0 else { throw .queryParseError("Invalid value for positive integer: \(shown)") }
        return number
    }

    /// The value, which must be one of these.
    func check(_ allowed: [String], of name: String) throws(CouchError) -> String {
        var text = text
        if case .json(.bool(let value)) = self { text = value ? "true" : "false" }
        guard let text, allowed.contains(text) else { throw .queryParseError("Invalid value for `\(name)`.") }
        return text
    }

    /// A text that is no JSON; of a JSON value that is no string, its text.
    var plainText: String { text ?? shown }

    private var text: String? {
        switch self {
        case .text(let text): text
        case .json(let value): value.stringValue
        }
    }

    private var shown: String {
        switch self {
        case .text(let text): JSONValue.string(text).text
        case .json(let value): value.text
        }
    }
}

// MARK: - The range

extension DocumentListQuery {
    /// The range of ids that the keys mean; nil when nothing can be in it.
    ///
    /// Erlang, and so CouchDB, puts every other JSON value in front of all strings.
    package func range(onlyDesigns: Bool) -> DocumentRange? {
        var range = DocumentRange()
        range.onlyDesigns = onlyDesigns
        range.isDescending = isDescending
        range.skip = skip
        range.limit = limit ?? Self.greatest
        range.includesLast = inclusiveEnd
        switch startKey {
        case nil: break
        case .string(let id)?: (range.first, range.includesFirst) = Self.bound(id, isIn: true, isUpper: isDescending)
        case _?: if isDescending { return nil }
        }
        switch endKey {
        case nil: break
        case .string(let id)?:
            (range.last, range.includesLast) = Self.bound(id, isIn: inclusiveEnd, isUpper: !isDescending)
        case _?: if !isDescending { return nil }
        }
        return range
    }

    /// More than this nobody gets or skips, so that sums with it do not overflow.
    private static let greatest = 1 << 53

    /// An end of a range that PostgreSQL's text can hold: U+0000 is in no id, so what stands in front of it decides.
    private static func bound(_ id: String, isIn: Bool, isUpper: Bool) -> (String, Bool) {
        guard let zero = id.utf8.firstIndex(of: 0) else { return (id, isIn) }
        return (String(id[..<zero]), isUpper)
    }
}
