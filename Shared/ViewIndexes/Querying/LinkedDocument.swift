import CouchProtocol
package import DocumentStore
import JSON

/// The document that is shown with a row: its own, or the one that the `_id` of its value names.
package struct LinkedDocument: Sendable {
    /// Nil when it names none.
    package let request: RevisionRequest?
    package let isLink: Bool

    package init(_ row: ViewRow) {
        guard row.value.first == UInt8(ascii: "{"), let value = try? JSONValue(parsing: row.value),
            let link = value["_id"]
        else {
            request = RevisionRequest(id: DocumentID(stored: row.id))
            isLink = false
            return
        }
        isLink = true
        let revision = value["_rev"]?.stringValue.map { try? RevisionID(parsing: $0) }
        guard let id = link.stringValue.flatMap({ try? DocumentID($0) }), !id.isLocal, revision != .some(nil) else {
            request = nil
            return
        }
        request = RevisionRequest(id: id, revision: revision ?? nil)
    }
}
