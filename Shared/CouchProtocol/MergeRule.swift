package import JSON

/// What the policy `merge` does with the member at one path, where it shall not go over the old one deeply.
package struct MergeRule: Sendable, Hashable {
    /// What becomes of the member.
    package enum Action: String, Sendable, CaseIterable {
        /// The member goes away, whatever was posted.
        case delete
        /// The posted member takes the old one's place, objects too.
        case override
        /// The posted elements come before those of the old array.
        case prepend
        /// The posted elements come behind those of the old array.
        case append
    }

    /// The names that lead to the member, from the document's root.
    package let path: [String]
    package let action: Action

    /// How many rules a post may have.
    package static let countLimit = 1_000
    /// How many names a path may have.
    package static let depthLimit = 100

    package init(path: [String], action: Action) {
        self.path = path
        self.action = action
    }

    /// The rules of an object that has an action for each path: `{"lines": "append", "address.street": "override"}`.
    ///
    /// Its member `_separator` says what stands between the names of a path; a dot when there is none.
    ///
    /// - Throws: `bad_request`, which says which path has no action of the four.
    package static func rules(_ object: JSONObject) throws(CouchError) -> [MergeRule] {
        guard object.count <= countLimit else { throw .badRequest("There are more than \(countLimit) merge rules.") }
        let separator = object["_separator"]?.stringValue ?? "."
        guard separator.count == 1, let character = separator.first else {
            throw .badRequest("`_separator` of the merge rules must be one character.")
        }
        var rules: [MergeRule] = []
        for (text, value) in object where text != "_separator" {
            guard let action = value.stringValue.flatMap(Action.init) else {
                let names = Action.allCases.map(\.rawValue).joined(separator: ", ")
                throw .badRequest("The merge rule of `\(text)` must be one of \(names).")
            }
            let path = text.split(separator: character, omittingEmptySubsequences: false).map(String.init)
            guard path.count <= depthLimit, !path.contains("") else {
                throw .badRequest("`\(text)` is no path of a merge rule.")
            }
            rules.append(MergeRule(path: path, action: action))
        }
        return rules
    }

    /// The merged document with the rule in force.
    ///
    /// - Parameters:
    ///   - merged: What came of going over the old document deeply.
    ///   - old: The members that were there.
    ///   - new: The members that were posted.
    package func apply(to merged: JSONObject, old: JSONObject, new: JSONObject) -> JSONObject {
        switch action {
        case .delete:
            return merged.setting(nil, at: path[...])
        case .override:
            guard let value = new.value(at: path[...]) else { return merged }
            return merged.setting(value, at: path[...])
        case .prepend, .append:
            guard let before = old.value(at: path[...])?.arrayValue, let added = new.value(at: path[...])?.arrayValue
            else { return merged }
            return merged.setting(.array(action == .append ? before + added : added + before), at: path[...])
        }
    }
}

extension JSONObject {
    /// The member that a path leads to through objects.
    fileprivate func value(at path: ArraySlice<String>) -> JSONValue? {
        guard let name = path.first, let value = self[name] else { return nil }
        return path.count == 1 ? value : value.objectValue?.value(at: path.dropFirst())
    }

    /// This object with another value at the end of a path, or without one there.
    ///
    /// As it is, where the path leads nowhere.
    fileprivate func setting(_ value: JSONValue?, at path: ArraySlice<String>) -> JSONObject {
        guard let name = path.first else { return self }
        var changed = self
        if path.count == 1 {
            changed[name] = value
        } else if let inner = self[name]?.objectValue {
            changed[name] = .object(inner.setting(value, at: path.dropFirst()))
        }
        return changed
    }
}
