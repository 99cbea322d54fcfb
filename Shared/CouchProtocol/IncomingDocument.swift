package import JSON

/// A document as a client sent it, taken apart: what CouchDB means by its special members, and the bytes of the rest.
///
/// The text is scanned once and its ordinary members are never decoded: what the client wrote is what readers get.
package struct IncomingDocument: Sendable {
    /// `_id`; nil when the client leaves it to the server, or says it in the address.
    package var id: DocumentID?
    /// `_revisions`, or else `_rev`: the revision that the document is (`new_edits=false`) or that it follows.
    package var revision: RevisionPath?
    /// `_deleted`.
    package var isDeleted = false
    /// The owner that the body names; nil when it names none.
    package var owner: String?
    /// Whether the body has a member for the owner, if only to say by null that there is none.
    package var mentionsOwner = false
    /// The groups that the body names, each once, in order; nil when it has no such member.
    package var groups: [String]?
    /// `_attachments`; nil when the body has no such member.
    package var attachments: [IncomingAttachment]?
    /// A JSON object of all other members, in their order, without white space between the tokens.
    package var body: [UInt8] = []
    /// Whether PostgreSQL's `jsonb` can hold the body as the same value.
    package var isFaithfulInJSONB = true

    /// A document without members.
    package init() {
        body = Array("{}".utf8)
    }

    /// The document that the whole text says.
    package init(parsing text: [UInt8], rules: DocumentRules = DocumentRules()) throws(CouchError) {
        try self.init(parsing: text, in: text.indices, rules: rules)
    }

    /// The document that a part of a larger text says, such as one of the `docs` of a `_bulk_docs` request.
    ///
    /// Members that decide who may do what (`_…`, owner, groups) must not stand twice: which one counts is a question
    /// on which parsers differ.
    ///
    /// - Parameter contents: How many contents of attachments were taken out of the text (``DocumentSplitter``).
    package init(
        parsing text: [UInt8],
        in range: Range<Int>,
        rules: DocumentRules = DocumentRules(),
        contents: Int = 0
    ) throws(CouchError) {
        let scan = try JSONScan(received: text, in: range, limits: rules.json)
        guard scan.kind == .object else { throw .documentNotObject }
        guard !scan.hasNumberBeyondDouble else {
            throw .badRequest("a number beyond the range of double-precision floating point")
        }
        isFaithfulInJSONB = scan.isFaithfulInJSONB
        body.reserveCapacity(range.count)
        body.append(UInt8(ascii: "{"))
        var seen: Set<String> = []
        for member in scan.members {
            let isSpecial = member.name.utf8.first == UInt8(ascii: "_")
            guard isSpecial || member.isNamed(rules.ownerMember) || member.isNamed(rules.groupsMember) else {
                append(member, of: text, scan)
                continue
            }
            if scan.hasDuplicateMembers, !seen.insert(member.name).inserted {
                throw .badRequest("The member \(member.name) stands twice.")
            }
            if try !take(member, of: text, rules: rules, contents) { append(member, of: text, scan) }
        }
        body.append(UInt8(ascii: "}"))
        guard body.count <= rules.bodyLimit, scan.count <= rules.valueLimit else {
            throw .documentTooLarge(id?.text ?? "")
        }
    }

    private mutating func append(_ member: JSONScan.Member, of text: [UInt8], _ scan: JSONScan) {
        if body.count > 1 { body.append(UInt8(ascii: ",")) }
        scan.writeCompact(text, member.range, to: &body)
    }
}

// MARK: - Special members

extension IncomingDocument {
    /// Members that start with `_` and are part of the body all the same, as `couch_doc:transfer_fields/3` has them.
    private static let bodyMembers: Set<String> = [
        "_access", "_replication_state", "_replication_state_time", "_replication_state_reason", "_replication_id",
        "_replication_stats",
    ]

    /// Members that the server makes, and which mean nothing when they come back.
    private static let ignoredMembers: Set<String> = ["_revs_info", "_local_seq", "_conflicts", "_deleted_conflicts"]

    /// Takes a special member in; false when it belongs to the body.
    private mutating func take(
        _ member: JSONScan.Member,
        of text: [UInt8],
        rules: DocumentRules,
        _ contents: Int
    ) throws(CouchError) -> Bool {
        if Self.bodyMembers.contains(member.name) { return false }
        if Self.ignoredMembers.contains(member.name) { return true }
        let value = try JSONValue(received: text, in: member.valueRange, limits: rules.json)
        switch (member.name, value) {
        case ("_id", .string(let id)): self.id = try DocumentID(id, lengthLimit: rules.idLengthLimit)
        case ("_id", _): throw .illegalDocumentID("Document id must be a string")
        case ("_rev", .string(let text)):
            let parsed = try RevisionID(parsing: text)
            if revision == nil { revision = RevisionPath(parsed) }
        case ("_rev", _): throw .invalidRevision
        case ("_revisions", .object): revision = try RevisionPath(parsing: value, limit: rules.ancestryLimit)
        case ("_deleted", .bool(let deleted)): isDeleted = deleted
        case ("_attachments", .object(let members)):
            attachments = try Self.attachments(members, rules: rules, contents: contents)
        case (rules.ownerMember, _):
            owner = try Self.owner(value, rules: rules)
            mentionsOwner = true
        case (rules.groupsMember, _): groups = try Self.groups(value, rules: rules)
        default: throw .documentValidation("Bad special document member: \(member.name)")
        }
        return true
    }

    /// Reads the value of `_attachments`.
    ///
    /// - Parameter contents: How many contents were taken out of the text.
    package static func attachments(
        _ members: JSONObject,
        rules: DocumentRules,
        contents: Int = 0
    ) throws(CouchError) -> [IncomingAttachment] {
        guard members.count <= rules.attachmentLimit else {
            throw .tooManyAttachments("The document has more than \(rules.attachmentLimit) attachments.")
        }
        var result: [IncomingAttachment] = []
        for (name, value) in members {
            result.append(try IncomingAttachment(name: name, value: value, rules: rules, contents: contents))
        }
        return result
    }
}

// MARK: - Tags

extension IncomingDocument {
    private static func owner(_ value: JSONValue, rules: DocumentRules) throws(CouchError) -> String? {
        switch value {
        case .null: return nil
        case .string(let name): return try tag(name, of: rules.ownerMember, rules: rules)
        default: throw .documentValidation("\(rules.ownerMember) must be a string")
        }
    }

    /// The groups of an array of names, or of the forms that Convertigo also writes: one name, or an object that says
    /// of each whether it counts, by a boolean or its text; null is none.
    private static func groups(_ value: JSONValue, rules: DocumentRules) throws(CouchError) -> [String] {
        let names: [JSONValue]
        switch value {
        case .null: names = []
        case .string: names = [value]
        case .array(let values): names = values
        case .object(let members):
            guard members.allSatisfy({ [true, false, "true", "false", .null].contains($0.1) }) else {
                // Whoever meant a group must not make the document everybody's.
                throw .documentValidation("The members of \(rules.groupsMember) must be true or false")
            }
            names = members.filter { $0.1 == true || $0.1 == "true" }.map { .string($0.0) }
        default: throw .documentValidation("\(rules.groupsMember) must be an array of strings")
        }
        guard names.count <= rules.groupLimit else {
            throw .documentValidation("\(rules.groupsMember) has more than \(rules.groupLimit) groups")
        }
        var result: [String] = []
        var seen: Set<[UInt8]> = []
        for name in names {
            guard let name = name.stringValue else {
                throw .documentValidation("\(rules.groupsMember) must be an array of strings")
            }
            let group = try tag(name, of: rules.groupsMember, rules: rules)
            if seen.insert(Array(group.utf8)).inserted { result.append(group) }
        }
        return result
    }

    private static func tag(
        _ name: String,
        of member: String,
        rules: DocumentRules
    ) throws(CouchError) -> String {
        guard 1...rules.tagLengthLimit ~= name.utf8.count else {
            throw .documentValidation("A name in \(member) has no or more than \(rules.tagLengthLimit) bytes")
        }
        guard !name.utf8.contains(0) else { throw .documentValidation("A name in \(member) contains U+0000") }
        return name
    }
}
