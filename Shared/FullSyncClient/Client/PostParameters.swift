import CouchProtocol
import JSON

/// The parameters of a `post` in the reference's way: members of the document and modifiers side by side.
///
/// A name is split at the separator (`_use_subkey_separator`, a dot when none is given), and leads through objects to
/// the member; several names under one root go into one object. Names that begin with `__` or `_use_` are no members.
enum PostParameters {
    /// How many names a path may have.
    private static let depthLimit = 100

    /// The post that the parameters say.
    static func post(_ parameters: JSONObject) throws(CouchError) -> Post {
        let separator = parameters["_use_subkey_separator"]?.stringValue ?? "."
        var post = Post(document: [:], policy: try policy(parameters["_use_policy"]))
        for (name, value) in parameters {
            if name.hasPrefix("__") { continue }
            if name.hasPrefix(rulePrefix) {
                post.rules.append(try rule(String(name.dropFirst(rulePrefix.count)), value, separator))
            } else if !name.hasPrefix("_use_") {
                post.document.insert(value, at: try path(name, separator)[...])
            }
        }
        return post
    }

    private static let rulePrefix = "_use_merge_"

    private static func policy(_ value: JSONValue?) throws(CouchError) -> PostPolicy {
        guard let value, !value.isNull else { return .none }
        guard let policy = value.stringValue.flatMap(PostPolicy.init) else {
            let names = PostPolicy.allCases.map(\.rawValue).joined(separator: ", ")
            throw .badRequest("_use_policy must be one of \(names).")
        }
        return policy
    }

    private static func rule(
        _ name: String,
        _ value: JSONValue,
        _ separator: String
    ) throws(CouchError) -> MergeRule {
        guard let action = value.stringValue.flatMap(MergeRule.Action.init) else {
            let names = MergeRule.Action.allCases.map(\.rawValue).joined(separator: ", ")
            throw .badRequest("\(rulePrefix)\(name) must be one of \(names).")
        }
        return MergeRule(path: try path(name, separator), action: action)
    }

    private static func path(_ name: String, _ separator: String) throws(CouchError) -> [String] {
        guard !separator.isEmpty else { return [name] }
        let parts = name.split(separator: separator, omittingEmptySubsequences: false).map(String.init)
        // What begins or ends with a separator is a name and no path.
        guard !parts.contains("") else { return [name] }
        guard parts.count <= depthLimit else {
            throw .badRequest("A parameter leads through more than \(depthLimit) objects.")
        }
        return parts
    }
}

extension JSONObject {
    /// Puts a value where the path leads to; what is there already and is an object too is kept beside it.
    fileprivate mutating func insert(_ value: JSONValue, at path: ArraySlice<String>) {
        guard let name = path.first else { return }
        var inner = self[name]?.objectValue
        if path.count > 1 {
            inner = inner ?? [:]
            inner?.insert(value, at: path.dropFirst())
            self[name] = inner.map { .object($0) }
        } else if let inner, let added = value.objectValue {
            self[name] = .object(inner.merging(added))
        } else {
            self[name] = value
        }
    }
}
