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
    ///
    /// One that is too much work to look at is not (``SelectorMatcher/workLimit``).
    package func matches(_ document: JSONValue, collation: JSONCollation = .codePoints) -> Bool {
        var work = 0
        return matches(document, collation: collation, work: &work)
    }

    /// Whether a document is one of those wanted.
    ///
    /// - Parameter work: Grows by the work that it was: who looks at many documents lets others have their turn.
    package func matches(_ document: JSONValue, collation: JSONCollation, work: inout Int) -> Bool {
        matches(document, collation: collation, work: &work, limit: SelectorMatcher.workLimit)
    }

    /// Whether a document is one of those wanted, and no more work than that.
    func matches(_ document: JSONValue, collation: JSONCollation, work: inout Int, limit: Int) -> Bool {
        var matcher = SelectorMatcher(collation: collation, work: limit)
        defer { work += limit - matcher.work }
        return matcher.matches(root, document) && matcher.work > 0
    }
}

/// How much a selector may ask.
package struct SelectorLimits: Sendable {
    /// How deep conditions may be nested.
    package var depth = 50
    /// How many conditions there may be.
    package var conditions = 5_000
    /// What one expression may be.
    package var pattern = TextPattern.Limits()
    /// How many steps all expressions may have together.
    package var patternSteps = 20_000

    package init() {}

    var tooManySteps: CouchError {
        CouchError(
            status: 400,
            error: "invalid_selector",
            reason: "The regular expressions of the selector have more than \(patternSteps) steps together."
        )
    }

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
