package import JSON

/// One row of a `_changes` feed: a document that changed, and its leaves.
package struct ChangeRow: Hashable, Sendable {
    /// The place of the change; nil where the feed leaves it out (`seq_interval`).
    package var sequence: UpdateSequence?
    package var id: DocumentID
    /// The leaves, the winner first; the winner alone unless all were asked for.
    package var revisions: [RevisionID]
    /// Whether the winner is deleted.
    package var isDeleted = false
    /// The document as JSON text, when it was asked for.
    package var document: [UInt8]?
    /// The documents of all of ``revisions``, where the replica sent them along; else none.
    package var documents: [ReplicatedDocument] = []

    /// A change of that document.
    package init(sequence: UpdateSequence?, id: DocumentID, revisions: [RevisionID], isDeleted: Bool = false) {
        self.sequence = sequence
        self.id = id
        self.revisions = revisions
        self.isDeleted = isDeleted
    }

    /// The row that a server sent; it must name a document and at least one revision.
    package init(parsing value: JSONValue) throws(CouchError) {
        guard let id = value["id"]?.stringValue, let changes = value["changes"]?.arrayValue else {
            throw .badRequest("A row of _changes without id or changes")
        }
        self.id = DocumentID(stored: id)
        sequence = value["seq"].flatMap { UpdateSequence(json: $0) }
        isDeleted = value["deleted"]?.boolValue ?? false
        var revisions: [RevisionID] = []
        for change in changes {
            guard let text = change["rev"]?.stringValue else {
                throw .badRequest("A row of _changes without a revision")
            }
            revisions.append(try RevisionID(parsing: text))
        }
        self.revisions = revisions
    }

    /// How many bytes of documents are taken with a row, whose page is in memory as a whole; more are left out.
    private static let documentsLimit = 256 << 10

    /// The row that a server sent as text, with the documents that came along (``ChangesRequest/withDocuments``).
    ///
    /// Documents that make no sense here are left out: whoever reads them one by one hears what is wrong with them.
    package init(parsing text: [UInt8], rules: DocumentRules) throws(CouchError) {
        let scan = try JSONScan(received: text, in: text.indices, limits: .unlimited)
        var members = JSONObject()
        var leaves: Range<Int>?
        for member in scan.members {
            if member.isNamed("leaves") {
                leaves = member.valueRange
            } else {
                members[member.name] = try JSONValue(received: text, in: member.valueRange, limits: .unlimited)
            }
        }
        try self.init(parsing: .object(members))
        guard let leaves, leaves.count <= Self.documentsLimit,
            let scan = try? JSONScan(text, in: leaves, limits: .unlimited)
        else { return }
        let documents = try? scan.elements.map { range in
            try ReplicatedDocument(IncomingDocument(parsing: text, in: range, rules: rules))
        }
        guard let documents, documents.map(\.path.revision) == revisions, documents.allSatisfy({ $0.id == id })
        else { return }
        self.documents = documents
    }

    /// Appends the row as JSON, its members in CouchDB's order.
    package func write(to output: inout [UInt8]) {
        output.append(contentsOf: #"{"seq":"#.utf8)
        (sequence?.json ?? .null).write(to: &output)
        output.append(contentsOf: #","id":"#.utf8)
        JSONValue.write(string: id.text, to: &output)
        output.append(contentsOf: #","changes":["#.utf8)
        for (index, revision) in revisions.enumerated() {
            if index > 0 { output.append(UInt8(ascii: ",")) }
            output.append(contentsOf: #"{"rev":""#.utf8)
            revision.write(to: &output)
            output.append(contentsOf: #""}"#.utf8)
        }
        output.append(UInt8(ascii: "]"))
        if isDeleted { output.append(contentsOf: #","deleted":true"#.utf8) }
        if let document {
            output.append(contentsOf: #","doc":"#.utf8)
            output.append(contentsOf: document)
        }
        output.append(UInt8(ascii: "}"))
    }
}

/// A stretch of a `_changes` feed.
package struct ChangesPage: Hashable, Sendable {
    package var rows: [ChangeRow]
    /// The place behind the last row, or further on where nothing more concerns the reader.
    package var lastSequence: UpdateSequence
    /// How many more changes there are, when the replica knows.
    package var pending: Int?

    /// A stretch of a feed.
    package init(rows: [ChangeRow], lastSequence: UpdateSequence, pending: Int? = nil) {
        self.rows = rows
        self.lastSequence = lastSequence
        self.pending = pending
    }

    /// The answer of a server to a request of a whole page.
    package init(parsing value: JSONValue) throws(CouchError) {
        guard let results = value["results"]?.arrayValue,
            let last = value["last_seq"].flatMap({ UpdateSequence(json: $0) })
        else { throw .badRequest("An answer of _changes without results or last_seq") }
        var rows: [ChangeRow] = []
        rows.reserveCapacity(results.count)
        for result in results { rows.append(try ChangeRow(parsing: result)) }
        self.init(rows: rows, lastSequence: last, pending: value["pending"]?.countValue)
    }
}

extension JSONValue {
    /// How many there are of something, as another replica says it: numbers that nothing can have are brought to where
    /// sums of them are numbers still.
    package var countValue: Int? { intValue.map { min(max($0, 0), 1 << 53) } }
}
