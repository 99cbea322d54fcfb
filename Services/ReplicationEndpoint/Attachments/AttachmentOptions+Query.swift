import CouchProtocol
import DocumentStore
import JSON

extension AttachmentOptions {
    /// What a request for one document asks; `atts_since` asks for contents, too, as in CouchDB.
    init(_ query: Query) throws(CouchError) {
        self.init()
        sendsContents = query["attachments"] == "true"
        showsEncoding = query["att_encoding_info"] == "true"
        if let text = query["attachments_limit"] {
            guard let limit = Int(text), limit >= 0 else {
                throw .queryParseError("Invalid value for attachments_limit: \(text)")
            }
            contentLimit = limit
        }
        guard let text = query["atts_since"] else { return }
        guard let list = try? JSONValue(parsing: text) else { throw .invalidJSON }
        try take(since: list)
    }
}
