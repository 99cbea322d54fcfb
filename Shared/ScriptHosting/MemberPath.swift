import JSON

/// An expression that is a name, or a name and members of it: `order.customer.id`.
struct MemberPath {
    /// The name at the head.
    let root: String
    private let members: [Substring]

    /// The path that an expression is; nil when it is more than that.
    init?(_ expression: String) {
        let words = expression.split(separator: ".", omittingEmptySubsequences: false)
        guard let head = words.first?.drop(while: Self.isSpace), let last = words.last else { return nil }
        var parts = words
        parts[0] = head
        let index = parts.count - 1
        while let end = parts[index].last, Self.isSpace(end) { parts[index].removeLast() }
        guard !last.isEmpty, let root = parts.first, Identifiers.isName(root) else { return nil }
        guard parts.dropFirst().allSatisfy({ Identifiers.isMemberName($0) }) else { return nil }
        self.root = String(root)
        members = Array(parts.dropFirst())
    }

    /// The value at the end of the path; nil where JavaScript would look further than a value's own members.
    func value(in root: JSONValue?) -> JSONValue? {
        members.reduce(root) { value, name in value?[String(name)] }
    }

    private static func isSpace(_ character: Character) -> Bool {
        character == " " || character == "\t" || character == "\n" || character == "\r\n"
    }
}
