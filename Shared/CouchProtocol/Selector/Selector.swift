package import JSON

/// A Mango selector: which documents somebody wants, said in JSON (`{"type": "order", "total": {"$gt": 5}}`).
///
/// It has all operators of CouchDB 3.5 but those that need a search plug-in (`$text`), with CouchDB's meaning down to
/// its surprises: a document without a field matches no condition on it but `$exists: false`, and `$or` and `$and`
/// without conditions match everything. Within `$elemMatch` and `$allMatch`, `$nor` works; in CouchDB it never matches.
package struct Selector: Sendable, Hashable {
    /// The conditions, with negations at the ends.
    package let root: SelectorNode
    /// Whether it has no conditions at all (`{}`), and so wants every document.
    package let isEmpty: Bool

    /// The selector of a JSON value.
    ///
    /// - Throws: CouchDB's errors about selectors, such as `bad_arg` and `invalid_operator`.
    package init(parsing value: JSONValue, limits: SelectorLimits = SelectorLimits()) throws(CouchError) {
        guard case .object(let members) = value else {
            throw CouchError(
                status: 400,
                error: "invalid_selector_json",
                reason: "Selector must be a JSON object, not: \(ErlangTerm.text(of: value))"
            )
        }
        isEmpty = members.isEmpty
        guard !members.isEmpty else {
            root = .all([])
            return
        }
        var parser = SelectorParser(limits)
        root = try parser.parse(members).normalized
        guard root.isAboutDocument else {
            throw CouchError(
                status: 400,
                error: "invalid_selector",
                reason: "One or more conditions is missing a field name."
            )
        }
    }

    /// Whether a document, with its special members, is one of those wanted.
    package func matches(_ document: JSONValue, collation: JSONCollation = .codePoints) -> Bool {
        SelectorMatcher(collation: collation).matches(root, document)
    }
}

/// How much a selector may ask.
package struct SelectorLimits: Sendable {
    /// How deep conditions may be nested.
    package var depth = 50
    /// How many conditions there may be.
    package var conditions = 5_000
    package var pattern = TextPattern.Limits()

    package init() {}

    var tooDeep: CouchError {
        CouchError(
            status: 400,
            error: "invalid_selector",
            reason: "The conditions of the selector are nested more than \(depth) deep."
        )
    }

    var tooMany: CouchError {
        CouchError(
            status: 400,
            error: "invalid_selector",
            reason: "The selector has more than \(conditions) conditions."
        )
    }
}
