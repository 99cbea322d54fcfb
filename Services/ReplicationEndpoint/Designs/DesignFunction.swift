/// A function of a design document that a path names.
enum DesignFunction: Hashable, Sendable {
    /// `_update/<function>`, or `_update/<function>/<document>`.
    case update(String, document: String?)
    /// `_show`, `_list` or `_rewrite`, of which CouchDB wants to be rid.
    case gone(String)

    /// The function that the segments behind a design document's name lead to.
    init?(_ segments: [String]) {
        switch (segments.first, segments.count) {
        case ("_update", 2): self = .update(segments[1], document: nil)
        case ("_update", 3...): self = .update(segments[1], document: segments[2...].joined(separator: "/"))
        case ("_show", _), ("_list", _), ("_rewrite", _): self = .gone(segments[0])
        default: return nil
        }
    }
}
