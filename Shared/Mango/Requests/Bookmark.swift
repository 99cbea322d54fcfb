package import CouchProtocol
package import JSON

/// Where a query stopped, so that another one goes on behind: the last document that it counted, and its key when an
/// index was read.
package struct Bookmark: Sendable, Hashable {
    /// What stands for no bookmark.
    package static let none = "nil"

    /// The longest bookmark that is read: keys are limited, too.
    private static let lengthLimit = 1 << 20

    package let id: String
    /// The key as a JSON text; nil when all documents were read.
    package let key: [UInt8]?

    package init(id: String, key: [UInt8]?) {
        self.id = id
        self.key = key
    }

    /// The bookmark as a client gets it: Base64 of a JSON array, with the alphabet of addresses.
    package var text: String {
        var bytes = Array("[".utf8)
        JSONValue.write(string: id, to: &bytes)
        if let key { bytes += [UInt8(ascii: ",")] + key }
        bytes.append(UInt8(ascii: "]"))
        return Base64.encode(bytes).replacing("+", with: "-").replacing("/", with: "_").replacing("=", with: "")
    }

    /// The bookmark that a client sent.
    ///
    /// - Throws: `invalid_bookmark`.
    package init(parsing text: String) throws(CouchError) {
        let base64 = text.replacing("-", with: "+").replacing("_", with: "/")
        guard text.utf8.count <= Self.lengthLimit, let bytes = Base64.decode(base64.utf8),
            let parts = (try? JSONValue(parsing: bytes))?.arrayValue, 1...2 ~= parts.count,
            let id = parts[0].stringValue, !id.utf8.contains(0)
        else { throw Self.invalid(.string(text)) }
        self.id = id
        key = parts.count == 2 ? parts[1].bytes : nil
        guard key == nil || parts[1].arrayValue != nil else { throw Self.invalid(.string(text)) }
    }

    /// The error about a bookmark that is none, or not one of such a query.
    package static func invalid(_ value: JSONValue) -> CouchError {
        .mango("invalid_bookmark", "Invalid bookmark value: \(String(value.text.prefix(500)))")
    }
}
