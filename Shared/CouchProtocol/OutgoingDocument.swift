package import JSON

/// A document as a client gets it: the special members spliced in front of the stored body, which is not decoded.
package struct OutgoingDocument: Sendable {
    /// One line of `_revs_info`.
    package struct RevisionInfo: Hashable, Sendable {
        package let revision: RevisionID
        /// `available`, `missing` or `deleted`.
        package let status: String

        /// A revision and what is known of its body.
        package init(revision: RevisionID, status: String) {
            self.revision = revision
            self.status = status
        }
    }

    package var id: DocumentID
    package var revision: RevisionID
    package var isDeleted = false
    /// The owner, if the document has one.
    package var owner: String?
    /// The groups; an empty list is not written.
    package var groups: [String] = []
    /// `_revisions`, when it was asked for.
    package var revisions: RevisionPath?
    /// `_revs_info`, when it was asked for.
    package var revisionsInfo: [RevisionInfo] = []
    /// `_conflicts`, when it was asked for.
    package var conflicts: [RevisionID] = []
    /// `_deleted_conflicts`, when it was asked for.
    package var deletedConflicts: [RevisionID] = []
    /// `_local_seq`, when it was asked for.
    package var localSequence: JSONValue?
    package var attachments: [OutgoingAttachment] = []
    /// A JSON object without special members, as ``IncomingDocument/body`` made it.
    package var body: [UInt8]

    /// The document of that name at that revision.
    package init(id: DocumentID, revision: RevisionID, body: [UInt8] = Array("{}".utf8)) {
        self.id = id
        self.revision = revision
        self.body = body
    }

    /// A stretch of the document's JSON.
    package enum Piece: Hashable, Sendable {
        case text([UInt8])
        /// The Base64 of the content of the attachment at that place of ``OutgoingDocument/attachments``.
        case content(Int)
    }

    /// The document as JSON, with gaps for the contents of attachments that are
    /// ``OutgoingAttachment/Content/streamed``.
    package func pieces(rules: DocumentRules = DocumentRules()) -> [Piece] {
        var output: [UInt8] = []
        var gaps: [(place: Int, attachment: Int)] = []
        write(to: &output, rules: rules, gaps: &gaps)
        var pieces: [Piece] = []
        var start = 0
        for gap in gaps {
            pieces += [.text(Array(output[start..<gap.place])), .content(gap.attachment)]
            start = gap.place
        }
        return pieces + [.text(Array(output[start...]))]
    }

    /// Appends the document as JSON.
    package func write(to output: inout [UInt8], rules: DocumentRules = DocumentRules()) {
        var gaps: [(place: Int, attachment: Int)] = []
        write(to: &output, rules: rules, gaps: &gaps)
    }

    private func write(
        to output: inout [UInt8],
        rules: DocumentRules,
        gaps: inout [(place: Int, attachment: Int)]
    ) {
        output.reserveCapacity(output.count + body.count + 128)
        output.append(contentsOf: #"{"_id":"#.utf8)
        JSONValue.write(string: id.text, to: &output)
        output.append(contentsOf: #","_rev":""#.utf8)
        revision.write(to: &output)
        output.append(UInt8(ascii: "\""))
        if isDeleted { output.append(contentsOf: #","_deleted":true"#.utf8) }
        if let owner {
            Self.write(member: rules.ownerMember, to: &output)
            JSONValue.write(string: owner, to: &output)
        }
        if !groups.isEmpty {
            Self.write(member: rules.groupsMember, to: &output)
            JSONValue.array(groups.map { .string($0) }).write(to: &output)
        }
        writeHistory(to: &output)
        if !attachments.isEmpty {
            output.append(contentsOf: #","_attachments":{"#.utf8)
            for (index, attachment) in attachments.enumerated() {
                if index > 0 { output.append(UInt8(ascii: ",")) }
                if let gap = attachment.write(to: &output) { gaps.append((gap, index)) }
            }
            output.append(UInt8(ascii: "}"))
        }
        if body.count > 2 { output.append(UInt8(ascii: ",")) }
        output.append(contentsOf: body.dropFirst())
    }

    /// The document as JSON.
    package var bytes: [UInt8] {
        var output: [UInt8] = []
        write(to: &output)
        return output
    }

    private func writeHistory(to output: inout [UInt8]) {
        if let revisions {
            output.append(contentsOf: #","_revisions":"#.utf8)
            revisions.write(to: &output)
        }
        if !revisionsInfo.isEmpty {
            let lines = revisionsInfo.map { info -> JSONValue in
                ["rev": .string(info.revision.description), "status": .string(info.status)]
            }
            output.append(contentsOf: #","_revs_info":"#.utf8)
            JSONValue.array(lines).write(to: &output)
        }
        if let localSequence {
            output.append(contentsOf: #","_local_seq":"#.utf8)
            localSequence.write(to: &output)
        }
        for (name, revisions) in [("_conflicts", conflicts), ("_deleted_conflicts", deletedConflicts)]
        where !revisions.isEmpty {
            Self.write(member: name, to: &output)
            JSONValue.array(revisions.map { .string($0.description) }).write(to: &output)
        }
    }

    private static func write(member: String, to output: inout [UInt8]) {
        output.append(UInt8(ascii: ","))
        JSONValue.write(string: member, to: &output)
        output.append(UInt8(ascii: ":"))
    }
}
