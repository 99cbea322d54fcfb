package import JSON

/// Why a message's body is not what its contract says.
package struct MessageError: Error, Hashable, Sendable, CustomStringConvertible {
    /// What is wrong, in words that name the member and never show its value.
    package let reason: String

    package init(_ reason: String) {
        self.reason = reason
    }

    package var description: String { reason }
}

/// A message that crosses RabbitMQ as a JSON object.
package protocol MessageBody: Sendable {
    /// The message that the members say.
    init(_ fields: MessageFields) throws(MessageError)

    /// The members that say the message.
    var fields: JSONObject { get }
}

extension MessageBody {
    /// The message that a body of bytes says.
    ///
    /// - Throws: `MessageError` when the body is no JSON object, or lacks or mistypes a member.
    package init(body: [UInt8]) throws(MessageError) {
        let value: JSONValue
        do {
            // Values stand within a message that were within every limit before.
            value = try JSONValue(parsing: body, limits: .unlimited)
        } catch {
            throw MessageError("the body is no JSON: \(error)")
        }
        guard let object = value.objectValue else {
            throw MessageError("the body is no JSON object but of type \(value.typeName)")
        }
        try self.init(MessageFields(object))
    }

    /// The message as the body of an AMQP message.
    package var body: [UInt8] {
        var output: [UInt8] = []
        fields.write(to: &output)
        return output
    }
}

/// The members of a message's body, read with a check of their types.
package struct MessageFields: Sendable {
    package let object: JSONObject

    package init(_ object: JSONObject) {
        self.object = object
    }

    /// The string of that name.
    package func string(_ name: String) throws(MessageError) -> String {
        guard let value = try optionalString(name) else { throw MessageError("'\(name)' is missing") }
        return value
    }

    /// The string of that name; nil when it is absent or null.
    package func optionalString(_ name: String) throws(MessageError) -> String? {
        guard let value = object[name], !value.isNull else { return nil }
        guard let text = value.stringValue else { throw MessageError("'\(name)' is no string") }
        return text
    }

    /// The string of that name, without U+0000, which no text of PostgreSQL has.
    package func name(_ name: String) throws(MessageError) -> String {
        guard let value = try optionalName(name) else { throw MessageError("'\(name)' is missing") }
        return value
    }

    /// The string of that name, without U+0000; nil when it is absent or null.
    package func optionalName(_ name: String) throws(MessageError) -> String? {
        let value = try optionalString(name)
        guard value?.utf8.contains(0) != true else { throw MessageError("'\(name)' has a zero byte") }
        return value
    }

    /// The UUID of that name (RFC 9562, section 4), in small letters: the same one is the same text.
    package func uuid(_ name: String) throws(MessageError) -> String {
        let text = try string(name)
        let parts = text.utf8.split(separator: UInt8(ascii: "-"), omittingEmptySubsequences: false)
        let isUUID =
            parts.map(\.count) == [8, 4, 4, 4, 12]
            && parts.joined().allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x46).contains(byte) || (0x61...0x66).contains(byte)
            }
        guard isUUID else { throw MessageError("'\(name)' is no UUID") }
        return text.lowercased()
    }

    /// The whole number of that name.
    package func int(_ name: String) throws(MessageError) -> Int {
        guard let value = object[name]?.intValue else { throw MessageError("'\(name)' is no whole number") }
        return value
    }

    /// The boolean of that name; false when it is absent.
    package func bool(_ name: String) throws(MessageError) -> Bool {
        guard let value = object[name] else { return false }
        guard let flag = value.boolValue else { throw MessageError("'\(name)' is no boolean") }
        return flag
    }

    /// The object of that name; empty when it is absent.
    package func members(_ name: String) throws(MessageError) -> JSONObject {
        guard let value = object[name], !value.isNull else { return JSONObject() }
        guard let members = value.objectValue else { throw MessageError("'\(name)' is no object") }
        return members
    }

    /// The list of strings of that name; empty when it is absent.
    package func strings(_ name: String) throws(MessageError) -> [String] {
        guard let value = object[name], !value.isNull else { return [] }
        guard let elements = value.arrayValue else { throw MessageError("'\(name)' is no array") }
        var result: [String] = []
        for element in elements {
            guard let text = element.stringValue else { throw MessageError("'\(name)' holds more than strings") }
            result.append(text)
        }
        return result
    }
}
