import JSON

/// An order of JSON values: null, false, true, numbers by what they are worth, texts by their characters' numbers,
/// arrays element by element, objects member by member in the order of names.
enum ValueOrder {
    /// Less than 0 when the first value comes first, 0 when they are equal, otherwise greater than 0.
    static func compare(_ left: JSONValue, _ right: JSONValue) -> Int {
        switch (left, right) {
        case (.number(let left), .number(let right)): left < right ? -1 : right < left ? 1 : 0
        case (.string(let left), .string(let right)): compare(left, right)
        case (.array(let left), .array(let right)): compare(left, right)
        case (.object(let left), .object(let right)): compare(flat(left), flat(right))
        default: rank(left) - rank(right)
        }
    }

    private static func rank(_ value: JSONValue) -> Int {
        switch value {
        case .null: 0
        case .bool(false): 1
        case .bool(true): 2
        case .number: 3
        case .string: 4
        case .array: 5
        case .object: 6
        }
    }

    private static func compare(_ left: String, _ right: String) -> Int {
        if left.utf8.elementsEqual(right.utf8) { return 0 }
        return left.utf8.lexicographicallyPrecedes(right.utf8) ? -1 : 1
    }

    private static func compare(_ left: [JSONValue], _ right: [JSONValue]) -> Int {
        for (left, right) in zip(left, right) {
            let order = compare(left, right)
            if order != 0 { return order }
        }
        return left.count - right.count
    }

    /// Names and values in turn, in the order of the names.
    private static func flat(_ object: JSONObject) -> [JSONValue] {
        object.sorted { $0.0.utf8.lexicographicallyPrecedes($1.0.utf8) }.flatMap { [.string($0.0), $0.1] }
    }
}
