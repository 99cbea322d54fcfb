import OrderedCollections

/// The members of a JSON object, in the order in which they were written.
public struct JSONObject: Sendable {
    private var members: OrderedDictionary<ExactText, JSONValue>

    /// An object without members.
    public init() {
        members = [:]
    }

    /// An object of these members; of two with the same name the later one counts.
    public init(_ members: some Sequence<(String, JSONValue)>) {
        self.members = OrderedDictionary(
            members.lazy.map { (ExactText($0.0), $0.1) },
            uniquingKeysWith: { _, later in later }
        )
    }

    /// The value of the member of that name; setting nil takes the member away.
    public subscript(name: String) -> JSONValue? {
        get { members[ExactText(name)] }
        set { members[ExactText(name)] = newValue }
    }

    /// How many members there are.
    public var count: Int { members.count }

    /// Whether there are no members.
    public var isEmpty: Bool { members.isEmpty }

    /// The names of the members, in order.
    public var names: [String] { members.keys.map(\.text) }

    /// Sets the value of the member of that name and returns the one that it had.
    @discardableResult
    public mutating func updateValue(_ value: JSONValue, forName name: String) -> JSONValue? {
        members.updateValue(value, forKey: ExactText(name))
    }

    /// Makes room for that many members.
    public mutating func reserveCapacity(_ count: Int) {
        members.reserveCapacity(count)
    }

    /// This object with the members of another one on top.
    public func merging(_ other: JSONObject) -> JSONObject {
        var merged = self
        for (name, value) in other { merged[name] = value }
        return merged
    }
}

extension JSONObject: Hashable {
    public static func == (lhs: JSONObject, rhs: JSONObject) -> Bool {
        lhs.count == rhs.count && lhs.members.allSatisfy { rhs.members[$0.key] == $0.value }
    }

    public func hash(into hasher: inout Hasher) {
        hasher.combine(count)
        // The order of members is no part of the value, so their hashes are joined by an operation without order.
        var joined = 0
        for (name, value) in members {
            var member = Hasher()
            member.combine(name)
            member.combine(value)
            joined ^= member.finalize()
        }
        hasher.combine(joined)
    }
}

extension JSONObject: Sequence {
    public func makeIterator() -> some IteratorProtocol<(String, JSONValue)> {
        members.lazy.map { ($0.key.text, $0.value) }.makeIterator()
    }
}

extension JSONObject: ExpressibleByDictionaryLiteral {
    public init(dictionaryLiteral elements: (String, JSONValue)...) {
        self.init(elements)
    }
}
