package import CouchProtocol
package import JSON

/// What a `_find` or an `_explain` asks
/// (<https://docs.couchdb.org/en/stable/api/database/find.html#db-find>), checked as `mango_opts` of CouchDB 3.5 does.
package struct FindRequest: Sendable {
    /// How many documents are found where the request does not say.
    package static let defaultLimit = 25

    package let selector: Selector
    /// The design document and the index that the request wants to have used; empty when it names none.
    package let useIndex: [String]
    package let bookmark: String?
    package let limit: Int
    package let skip: Int
    package let sort: SortFields
    /// The members of the documents that are wanted; nil for all.
    package let fields: FieldProjection?
    /// How many copies of a document CouchDB would compare; here there is one.
    package let quorum: Int
    package let conflicts: Bool
    /// Whether rows will do that are not up to date.
    package let isStale: Bool
    package let update: Bool
    package let stable: Bool
    package let executionStats: Bool
    /// Whether another index may be used where the one that is named cannot be.
    package let allowsFallback: Bool

    package init(parsing body: JSONObject, limits: SelectorLimits = SelectorLimits()) throws(CouchError) {
        var members = RequestMembers(body)
        selector = try Selector(parsing: try members.required("selector"), limits: limits)
        useIndex = try Self.indexName(members.take("use_index"))
        bookmark = try Self.bookmark(members.take("bookmark"))
        limit = try members.count("limit", default: Self.defaultLimit)
        skip = try members.count("skip", default: 0)
        sort = try members.take("sort").map { value throws(CouchError) in try SortFields(parsing: value) } ?? .none
        fields = try Self.fields(members.take("fields"))
        if let partition = members.take("partition"), partition != "" {
            throw .queryParseError("`partition` parameter is not supported on this db")
        }
        quorum = try members.positive("r", default: 1)
        conflicts = try members.bool("conflicts", default: false)
        isStale = try Self.stale(members.take("stale"))
        update = try members.bool("update", default: true)
        stable = try members.bool("stable", default: false)
        executionStats = try members.bool("execution_stats", default: false)
        allowsFallback = try members.bool("allow_fallback", default: true)
        try members.finish()
    }

    /// The parts of an index's name: `design`, `design/name`, or an array of them.
    static func indexName(_ value: JSONValue?) throws(CouchError) -> [String] {
        guard let value, !value.isNull else { return [] }
        var parts: [String]?
        if let text = value.stringValue {
            parts = text.split(separator: "/", omittingEmptySubsequences: false).map(String.init)
            if parts?.count ?? 0 > 1, parts?.first == "_design" { parts?.removeFirst() }
            if parts?.isEmpty ?? true { parts = nil }
        } else if let list = value.arrayValue {
            let texts = list.compactMap(\.stringValue)
            parts = texts.count == list.count ? texts : nil
        }
        guard let parts, parts.count <= 2 else {
            throw .mango("invalid_index_name", "Invalid index name: \(ErlangTerm.text(of: value))")
        }
        return parts
    }

    private static func bookmark(_ value: JSONValue?) throws(CouchError) -> String? {
        guard let value, !value.isNull else { return nil }
        guard let text = value.stringValue else { throw Bookmark.invalid(value) }
        // What an answer without rows says; clients send it back.
        return text.isEmpty || text == Bookmark.none ? nil : text
    }

    private static func fields(_ value: JSONValue?) throws(CouchError) -> FieldProjection? {
        guard let value else { return nil }
        guard value.arrayValue != nil else {
            throw .mango(
                "invalid_fields",
                "Fields must be an array of strings, not: \(ErlangTerm.text(of: value))"
            )
        }
        return try FieldProjection(parsing: value)
    }

    private static func stale(_ value: JSONValue?) throws(CouchError) -> Bool {
        switch value {
        case nil, .bool(false)?, .string("false")?: return false
        case .string("ok")?: return true
        case let other?:
            throw .mango("invalid_value", "Invalid value for stale: \(ErlangTerm.text(of: other))")
        }
    }
}
