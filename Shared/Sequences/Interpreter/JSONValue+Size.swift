import JSON

extension JSONValue {
    /// The length of the value as JSON text, roughly (escapes are not counted); nil as soon as it is above the limit,
    /// or the value is nested deeper than that.
    func size(atMost limit: Int, depth: Int) -> Int? {
        var left = limit
        return take(from: &left, depth) ? limit - left : nil
    }

    private func take(from left: inout Int, _ depth: Int) -> Bool {
        switch self {
        case .null, .bool: left -= 4
        case .number(let number): left -= number.text.utf8.count
        case .string(let text): left -= text.utf8.count + 2
        case .array(let values):
            guard depth > 0 else { return false }
            left -= values.count + 2
            for value in values where left >= 0 && !value.take(from: &left, depth - 1) { return false }
        case .object(let object):
            guard depth > 0 else { return false }
            left -= object.count * 4 + 2
            for (name, value) in object {
                left -= name.utf8.count
                if left < 0 || !value.take(from: &left, depth - 1) { return false }
            }
        }
        return left >= 0
    }

    /// Whether JavaScript takes the value for true.
    var isTruthy: Bool {
        switch self {
        case .null: false
        case .bool(let value): value
        case .number(let number): number.double != 0
        case .string(let text): !text.isEmpty
        case .array, .object: true
        }
    }
}
