import CouchProtocol
import DocumentStore

// The documents of the leaves that a row names: a device that has nothing yet needs no second request for them.
extension FeedSource {
    /// How many bytes of documents come with one row at most.
    ///
    /// A client may ask for a thousand rows at once and has to hold them; what is larger it reads as any document.
    private static let leavesLimit = 32 << 10

    /// Reads the leaves of a stretch and adds their documents to the rows: those of all that a row names, or none.
    ///
    /// Left to be read by themselves are those that are large, have attachments, or are others by now.
    ///
    /// - Returns: What was read for that.
    func addLeaves(to stretch: inout Stretch, for caller: Caller) async throws -> BytesRead {
        stretch = try await fitting(stretch, needsLeaves: true)
        let requests = stretch.rows.map { OpenRequest(id: $0.id, .revisions($0.revisions)) }
        let opened = try await store.openRevisions(requests, from: database, for: caller, withHistory: true)
        var read = BytesRead()
        for (index, revisions) in opened.enumerated() {
            let found = revisions.compactMap(\.found)
            let size = found.reduce(0) { $0 + $1.body.count }
            read += BytesRead(sum: size, documents: found.count)
            guard found.count == revisions.count, size <= Self.leavesLimit,
                found.allSatisfy({ $0.attachments.isEmpty })
            else { continue }
            stretch.rows[index].leaves = found.map { revision in
                var document = OutgoingDocument(revision)
                document.revisions = revision.tree?.path(to: revision.revision)
                return document
            }
        }
        return read
    }
}
