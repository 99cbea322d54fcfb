import CouchProtocol
import JSON

/// The parameters of a call of a local database.
///
/// Flags and numbers may be texts, because a call's parameters come from a form as often as from a program.
struct LocalParameters: Sendable {
    let members: JSONObject

    init(_ members: JSONObject) {
        self.members = members
    }

    /// A text that must be there, by any of these names.
    func text(_ names: String...) throws(CouchError) -> String {
        if let text = try optionalText(names) { return text }
        throw .badRequest("The parameter `\(names[0])` is missing.")
    }

    /// A text that may be there, by any of these names.
    func optionalText(_ names: String...) throws(CouchError) -> String? {
        try optionalText(names)
    }

    private func optionalText(_ names: [String]) throws(CouchError) -> String? {
        for name in names {
            guard let value = members[name], !value.isNull else { continue }
            guard let text = value.stringValue else {
                throw .badRequest("The parameter `\(name)` must be a string.")
            }
            return text
        }
        return nil
    }

    /// A flag, which is false when it is not there.
    func flag(_ name: String, default isSet: Bool = false) throws(CouchError) -> Bool {
        switch members[name] {
        case nil, .null: return isSet
        case .bool(let value): return value
        case "true": return true
        case "false": return false
        default: throw .badRequest("The parameter `\(name)` must be true or false.")
        }
    }

    /// A number that is not negative.
    func count(_ name: String) throws(CouchError) -> Int? {
        guard let value = members[name], !value.isNull else { return nil }
        guard let number = value.intValue ?? value.stringValue.flatMap({ Int($0) }), number >= 0 else {
            throw .badRequest("The parameter `\(name)` must be a number that is not negative.")
        }
        return number
    }

    /// A list of texts that may be there.
    func texts(_ name: String) throws(CouchError) -> [String]? {
        guard let value = members[name], !value.isNull else { return nil }
        let texts = value.arrayValue?.compactMap(\.stringValue)
        guard let texts, texts.count == value.arrayValue?.count else {
            throw .badRequest("The parameter `\(name)` must be an array of strings.")
        }
        return texts
    }

    /// What the call's repetition is called; nil when it is not repeated.
    func live(_ requestable: String) throws(CouchError) -> String? {
        if let name = members["__live"]?.stringValue, name != "true", name != "false" { return name }
        return try flag("__live") ? requestable : nil
    }

    /// What `get` reads besides the members.
    func getOptions() throws(CouchError) -> GetOptions {
        var options = GetOptions()
        options.revision = try optionalText("rev")
        options.includesHistory = try flag("revs")
        options.includesHistoryStatus = try flag("revs_info")
        options.includesConflicts = try flag("conflicts")
        options.includesAttachments = try flag("attachments")
        return options
    }

    /// What `all` lists.
    func listOptions() throws(CouchError) -> ListOptions {
        var options = ListOptions()
        options.startKey = try optionalText("startkey")
        options.endKey = try optionalText("endkey")
        if let key = try optionalText("key") { (options.startKey, options.endKey) = (key, key) }
        options.includesEnd = try flag("inclusive_end", default: true)
        options.isDescending = try flag("descending")
        options.skip = try count("skip") ?? 0
        options.limit = try count("limit")
        options.includesDocuments = try flag("include_docs")
        options.includesConflicts = try flag("conflicts")
        options.includesAttachments = try flag("attachments")
        return options
    }

    /// Which rows of a view are wanted.
    func viewQuery() throws(CouchError) -> ViewQuery {
        var query = ViewQuery()
        query.startKey = key("startkey", "start_key")
        query.endKey = key("endkey", "end_key")
        if let key = key("key") { (query.startKey, query.endKey) = (key, key) }
        query.startKeyDocument = try optionalText("startkey_docid", "start_key_doc_id")
        query.endKeyDocument = try optionalText("endkey_docid", "end_key_doc_id")
        if let keys = members["keys"] {
            guard let list = keys.arrayValue else { throw .badRequest("`keys` parameter must be an array.") }
            query.keys = list
        }
        query.includesEnd = try flag("inclusive_end", default: true)
        query.isDescending = try flag("descending")
        query.skip = try count("skip") ?? 0
        query.limit = try count("limit")
        query.isReduced = try optionalFlag("reduce")
        query.groups = try optionalFlag("group")
        query.groupLevel = try count("group_level")
        query.includesDocuments = try flag("include_docs")
        query.includesConflicts = try flag("conflicts")
        query.includesAttachments = try flag("attachments")
        query.freshness = try freshness()
        return query
    }

    /// A key, which may be null, by any of these names.
    private func key(_ names: String...) -> JSONValue? {
        names.lazy.compactMap { members[$0] }.first
    }

    private func optionalFlag(_ name: String) throws(CouchError) -> Bool? {
        guard let value = members[name], !value.isNull else { return nil }
        return try flag(name)
    }

    private func freshness() throws(CouchError) -> ViewQuery.Freshness {
        switch (members["stale"], members["update"]) {
        case (nil, nil), ("false", _), (.bool(false), _), (nil, "true"), (nil, .bool(true)): return .upToDate
        case ("ok", _), (nil, "false"), (nil, .bool(false)): return .asItIs
        case ("update_after", _), (nil, "lazy"): return .updatedAfterwards
        default: throw .queryParseError("Invalid value for `stale`.")
        }
    }

    /// How a sync is carried out.
    func syncOptions(_ directions: Set<SyncDirection>) throws(CouchError) -> SyncOptions {
        var options = SyncOptions()
        options.directions = directions
        let (isLive, isContinuous) = (try flag("live"), try flag("continuous"))
        options.isLive = isLive || isContinuous
        options.batchSize = try count("batch_size") ?? options.batchSize
        options.batchesLimit = try count("batches_limit") ?? options.batchesLimit
        options.documents = try texts("doc_ids")
        options.filter = try optionalText("filter")
        if let parameters = members["query_params"]?.objectValue {
            for (name, value) in parameters { options.filterParameters[name] = value.stringValue ?? value.text }
        }
        if let selector = members["selector"], !selector.isNull {
            guard let object = selector.objectValue else {
                throw .badRequest("The parameter `selector` must be an object.")
            }
            options.selector = object
        }
        options.since = if let place = members["since"]?.intValue { "\(place)" } else { try optionalText("since") }
        if let milliseconds = try count("heartbeat") { options.heartbeat = .milliseconds(milliseconds) }
        if let milliseconds = try count("timeout") { options.wait = .milliseconds(milliseconds) }
        let retries = try flag("retry", default: true)
        if !retries { (options.attempts, options.isEndless) = (1, false) }
        options.isPatient = options.isLive && retries
        return options
    }
}
