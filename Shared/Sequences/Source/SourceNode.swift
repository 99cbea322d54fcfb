package import JSON

/// A value of a project file that remembers where it was written.
///
/// The neutral form between YAML and the things that a project declares: whoever reads one of those can name the line
/// of every value, and needs to know nothing of YAML.
package struct SourceNode: Sendable, Hashable {
    /// What was written.
    package enum Content: Sendable, Hashable {
        /// A null, boolean, number or string.
        case scalar(JSONValue)
        case list([SourceNode])
        /// The members in the order of the file; no name stands twice.
        case mapping([SourceMember])
    }

    package let content: Content
    package let position: SourcePosition
    /// Where the first line of a text stands whose lines are lines of the file, as in a block behind `|`; nil for what
    /// else there is.
    package let blockStart: SourcePosition?

    package init(_ content: Content, at position: SourcePosition, blockStart: SourcePosition? = nil) {
        self.content = content
        self.position = position
        self.blockStart = blockStart
    }

    /// The value without its positions.
    package var json: JSONValue {
        switch content {
        case .scalar(let value): value
        case .list(let nodes): .array(nodes.map(\.json))
        case .mapping(let members): .object(JSONObject(members.map { ($0.name, $0.node.json) }))
        }
    }

    /// The text of a string, or nil for anything else.
    package var string: String? {
        guard case .scalar(.string(let text)) = content else { return nil }
        return text
    }

    /// Whether nothing was written, or `null`.
    package var isNull: Bool { content == .scalar(.null) }

    /// What was written, for messages: `a mapping`, `a list`, `a string` …, never the value itself.
    package var kind: String {
        switch content {
        case .mapping: "a mapping"
        case .list: "a list"
        case .scalar(.null): "nothing"
        case .scalar(let value): "a \(value.typeName)"
        }
    }
}

/// One `name: value` of a mapping.
package struct SourceMember: Sendable, Hashable {
    package let name: String
    /// Where the name stands; the value's own position is the node's.
    package let position: SourcePosition
    package let node: SourceNode

    package init(name: String, position: SourcePosition, node: SourceNode) {
        self.name = name
        self.position = position
        self.node = node
    }
}
