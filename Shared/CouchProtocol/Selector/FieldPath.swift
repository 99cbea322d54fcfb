import JSON

/// The way to a value within a document, as selectors write it: `address.city`, `list.0`, `a\.b` for a name with a dot.
package struct FieldPath: Sendable, Hashable {
    /// The names on the way, from the outside in.
    package let names: [String]

    /// The document itself.
    static let root = FieldPath(names: [])

    init(names: [String]) {
        self.names = names
    }

    /// The way that a text says.
    ///
    /// - Throws: `invalid_field_name` when a name in it is empty.
    package init(parsing text: String) throws(CouchError) {
        var names: [String] = []
        var name: [UInt8] = []
        var isEscaped = false
        for byte in text.utf8 {
            if isEscaped {
                // A backslash makes the dot behind it part of the name, and is never part of a name itself.
                name.append(byte)
                isEscaped = false
            } else if byte == UInt8(ascii: "\\") {
                isEscaped = true
            } else if byte == UInt8(ascii: ".") {
                names.append(String(decoding: name, as: UTF8.self))
                name = []
            } else {
                name.append(byte)
            }
        }
        names.append(String(decoding: name, as: UTF8.self))
        guard !names.contains("") else {
            throw CouchError(status: 400, error: "invalid_field_name", reason: "Invalid field name: \(text)")
        }
        self.names = names
    }

    /// The way that goes on from here.
    func appending(_ path: FieldPath) -> FieldPath {
        FieldPath(names: names + path.names)
    }

    /// What is found at the end of a way.
    enum Finding {
        case value(JSONValue)
        /// The object has no member of that name.
        case missing
        /// The way leads through something that has no members, or past the end of an array.
        case noWay
    }

    /// What stands at the end of the way in that value; a name is also a place in an array.
    func find(in value: JSONValue) -> Finding {
        var value = value
        for name in names {
            switch value {
            case .object(let members):
                guard let member = members[name] else { return .missing }
                value = member
            case .array(let elements):
                guard let place = Int(name), elements.indices.contains(place) else { return .noWay }
                value = elements[place]
            default: return .noWay
            }
        }
        return .value(value)
    }
}
