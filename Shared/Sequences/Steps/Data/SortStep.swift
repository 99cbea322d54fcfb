import JSON

/// `sort: list`, `by: [member, -other.member]`, `as: name`: the same elements in order; those that are equal stay as
/// they are to one another.
///
/// Without `by` the elements themselves are compared. The order is that of `ValueOrder`; `-` in front turns it around.
struct SortStep: ValueStep {
    static let keyword = "sort"

    /// What elements are compared by.
    struct Key: Sendable {
        /// The names that lead to the value; none for the element itself.
        let path: [String]
        let isDescending: Bool

        init(_ text: String) {
            isDescending = text.hasPrefix("-")
            let names = isDescending ? text.dropFirst() : text[...]
            path = names.split(separator: ".").map(String.init)
        }

        /// The value of an element; null where there is none.
        func value(of element: JSONValue) -> JSONValue {
            var value = element
            for name in path { value = value[name] ?? .null }
            return value
        }
    }

    let input: Template
    let keys: [Key]
    let resultName: String

    private static let keyLimit = 16

    init?(reading members: inout StepMembers) {
        input = Template(members.value())
        let by = members.node("by")
        let name = members.resultName()
        keys = Self.keys(by, members)
        guard let name else { return nil }
        resultName = name
    }

    private static func keys(_ node: SourceNode?, _ members: StepMembers) -> [Key] {
        let whole = [Key("")]
        guard let node, !node.isNull else { return whole }
        let nodes: [SourceNode] = if case .list(let list) = node.content { list } else { [node] }
        guard !nodes.contains(where: { members.refusesExpression($0, of: "by") }) else { return whole }
        let names = nodes.compactMap(\.string)
        guard !names.isEmpty, names.count == nodes.count, names.count <= keyLimit, names.allSatisfy(isPath) else {
            members.problems.report(
                "'by' must have up to \(keyLimit) paths of members, like [-date, name]",
                at: node.position
            )
            return whole
        }
        return names.map { Key($0) }
    }

    private static func isPath(_ text: String) -> Bool {
        let names = text.hasPrefix("-") ? text.dropFirst() : text[...]
        return names.isEmpty || !names.split(separator: ".", omittingEmptySubsequences: false).contains("")
    }

    func result(of input: JSONValue, at site: StepSite, of execution: Execution) throws(SequenceFailure) -> JSONValue {
        let elements = try input.list(for: "'sort'")
        let keyed = elements.enumerated().map { place, element in
            (place: place, element: element, values: keys.map { $0.value(of: element) })
        }
        let sorted = keyed.sorted { left, right in
            for (index, key) in keys.enumerated() {
                switch ValueOrder.compare(left.values[index], right.values[index]) {
                case 0: continue
                case let order: return (order < 0) != key.isDescending
                }
            }
            return left.place < right.place
        }
        return .array(sorted.map(\.element))
    }
}
