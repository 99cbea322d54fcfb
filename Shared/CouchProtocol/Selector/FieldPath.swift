package import JSON

/// The way to a value within a document, as selectors write it: `address.city`, `list.0`, `a\.b` for a name with a dot.
package struct FieldPath: Sendable {
    /// The names on the way, from the outside in.
    package let names: [String]

    /// The document itself.
    static let root = FieldPath(names: [])

    package init(names: [String]) {
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

    /// The way as selectors write it.
    package var text: String {
        names.map(Self.escaped).joined(separator: ".")
    }

    /// A name with a backslash in front of what ends one, by its bytes, as they are read.
    private static func escaped(_ name: String) -> String {
        let special = [UInt8(ascii: "\\"), UInt8(ascii: ".")]
        let bytes = name.utf8.flatMap { special.contains($0) ? [UInt8(ascii: "\\"), $0] : [$0] }
        return String(decoding: bytes, as: UTF8.self)
    }

    /// The way that goes on from here.
    func appending(_ path: FieldPath) -> FieldPath {
        FieldPath(names: names + path.names)
    }

    /// What is found at the end of a way.
    package enum Finding {
        case value(JSONValue)
        /// The object has no member of that name.
        case missing
        /// The way leads through something that has no members, or past the end of an array.
        case noWay
    }

    /// What stands at the end of the way in that value; a name is also a place in an array.
    package func find(in value: JSONValue) -> Finding {
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

// Names are equal by their bytes: Unicode calls different texts equivalent.
extension FieldPath: Hashable {
    package static func == (lhs: FieldPath, rhs: FieldPath) -> Bool {
        lhs.names.count == rhs.names.count
            && zip(lhs.names, rhs.names).allSatisfy { $0.utf8.elementsEqual($1.utf8) }
    }

    package func hash(into hasher: inout Hasher) {
        for name in names {
            hasher.combine(name.utf8.count)
            for byte in name.utf8 { hasher.combine(byte) }
        }
    }
}
