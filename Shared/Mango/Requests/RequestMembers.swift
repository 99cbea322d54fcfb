import CouchProtocol
import JSON

/// Reads the members of a request one after the other, and refuses those that nobody asked for, as `mango_opts` of
/// CouchDB does.
struct RequestMembers {
    private var members: JSONObject

    init(_ members: JSONObject) {
        self.members = members
    }

    /// The member of that name; nil when it is absent.
    mutating func take(_ name: String) -> JSONValue? {
        let value = members[name]
        members[name] = nil
        return value
    }

    mutating func required(_ name: String) throws(CouchError) -> JSONValue {
        guard let value = take(name) else { throw .mango("missing_required_key", "Missing required key: \(name)") }
        return value
    }

    mutating func bool(_ name: String, default standard: Bool) throws(CouchError) -> Bool {
        guard let value = take(name) else { return standard }
        guard let bool = value.boolValue else {
            throw .mango("invalid_boolean", "Invalid boolean value: \(ErlangTerm.text(of: value))")
        }
        return bool
    }

    mutating func count(_ name: String, default standard: Int) throws(CouchError) -> Int {
        guard let value = take(name) else { return standard }
        guard let count = value.integer, count >= 0 else {
            throw .mango(
                "invalid_non_neg_integer",
                "\(ErlangTerm.text(of: value)) is not an integer greater than or equal to zero"
            )
        }
        return count
    }

    mutating func positive(_ name: String, default standard: Int) throws(CouchError) -> Int {
        guard let value = take(name) else { return standard }
        guard let count = value.integer, count > 0 else {
            throw .mango(
                "invalid_pos_integer",
                "\(ErlangTerm.text(of: value)) is not an integer greater than zero"
            )
        }
        return count
    }

    /// A name that is not empty; nil when it is absent.
    mutating func name(_ member: String) throws(CouchError) -> String? {
        guard let value = take(member) else { return nil }
        guard let text = value.stringValue else {
            throw .mango("invalid_string", "Invalid string: \(ErlangTerm.text(of: value))")
        }
        guard !text.isEmpty else {
            throw .mango("invalid_empty_string", "Index name or ddoc cannot be empty string")
        }
        return text
    }

    /// Refuses what was not taken.
    func finish() throws(CouchError) {
        guard let name = members.names.first else { return }
        throw .mango("invalid_key", "Invalid key \(name) for this request.")
    }
}

extension CouchError {
    /// What is wrong with a query or an index definition, in the words of CouchDB's `mango_error`.
    static func mango(_ error: String, _ reason: String) -> CouchError {
        CouchError(status: 400, error: error, reason: reason)
    }
}
