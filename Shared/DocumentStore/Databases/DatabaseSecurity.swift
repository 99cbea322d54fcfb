package import CouchProtocol
package import JSON

/// Whom a database's security object (`_security`) lets in, as CouchDB reads it (`couch_db:is_member/1`): where members
/// are named, only these, and the admins that it names.
///
/// It is a gate in front of the tags of documents and gives nobody a right that the tags do not give. Its roles are
/// groups, but for `_admin`, which administrators alone have.
package struct DatabaseSecurity: Sendable, Hashable {
    /// Users and groups.
    private struct Party: Hashable {
        var names: Set<ExactText> = []
        var roles: Set<ExactText> = []

        var isEmpty: Bool { names.isEmpty && roles.isEmpty }

        func has(_ name: String, _ groups: Set<ExactText>) -> Bool {
            if names.contains(ExactText(name)) { return true }
            guard !roles.isEmpty else { return false }
            return groups.contains { $0 != Self.administrators && roles.contains($0) }
        }

        static let administrators: ExactText = "_admin"
    }

    private var members = Party()
    private var admins = Party()

    /// What lets everybody in.
    package init() {}

    /// Reads a security object.
    ///
    /// - Throws: `bad_request`, as CouchDB, when names are no lists of strings.
    package init(_ object: JSONValue) throws(CouchError) {
        guard let object = object.objectValue else { throw .badRequest("Request body must be a JSON object") }
        admins = try Self.party("admins", in: object)
        // As in CouchDB, which called members readers once.
        members = try Self.party(object["members"] == nil ? "readers" : "members", in: object)
    }

    /// Reads a security object that is kept.
    ///
    /// One that cannot be read, of before it was looked at, lets in administrators alone, who can write another one.
    init(stored text: [UInt8]) {
        self.init()
        if let object = try? DatabaseSecurity(JSONValue(parsing: text, limits: .unlimited)) {
            self = object
        } else {
            members.roles = [Party.administrators]
        }
    }

    /// Whether everybody is let in whom the tags let.
    var isOpen: Bool { members.isEmpty }

    /// Whether a user of these groups is let in.
    func admits(_ name: String, _ groups: Set<ExactText>) -> Bool {
        isOpen || members.has(name, groups) || admins.has(name, groups)
    }

    /// What is shown of a database that nobody has given a security object: that it names nobody.
    ///
    /// CouchDB 3 shows that administrators alone are let in, and so it is there; here users are, to what is theirs.
    package static let unset: JSONValue = [
        "admins": ["names": [], "roles": []], "members": ["names": [], "roles": []],
    ]

    private static func party(_ name: String, in object: JSONObject) throws(CouchError) -> Party {
        guard let value = object[name] else { return Party() }
        guard value.objectValue != nil else { throw .badRequest("\(name) must be a JSON list of strings") }
        return Party(names: try list("names", of: value), roles: try list("roles", of: value))
    }

    private static func list(_ name: String, of party: JSONValue) throws(CouchError) -> Set<ExactText> {
        guard let list = party[name] else { return [] }
        let names = list.arrayValue?.compactMap { $0.stringValue.map { ExactText($0) } }
        guard let names, names.count == list.arrayValue?.count else {
            throw .badRequest("\(name) must be a JSON list of strings")
        }
        return Set(names)
    }
}
