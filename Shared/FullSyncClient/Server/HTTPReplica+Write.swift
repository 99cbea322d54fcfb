package import CouchProtocol
import JSON

extension HTTPReplica {
    package func write(_ documents: [ReplicatedDocument]) async throws -> [WriteFailure] {
        var failures: [WriteFailure] = []
        var part: [ReplicatedDocument] = []
        var size = 0
        for document in documents {
            let bytes = document.body.count + document.attachments.reduce(0) { $0 + ($1.content?.count ?? 0) / 3 * 4 }
            if size + bytes > Self.requestSize, !part.isEmpty {
                failures += try await send(part)
                part = []
                size = 0
            }
            part.append(document)
            size += bytes
        }
        return failures + (part.isEmpty ? [] : try await send(part))
    }

    /// Sends documents in one request.
    ///
    /// When the server refuses all because of one of them, they are sent in halves, so that in the end that one alone
    /// is refused.
    private func send(_ documents: [ReplicatedDocument]) async throws -> [WriteFailure] {
        do {
            return try await sendAtOnce(documents)
        } catch let error as CouchError where [400, 403, 412, 413].contains(error.status) {
            guard documents.count > 1 else {
                return documents.map { WriteFailure(id: $0.id, revision: $0.path.revision, error: error) }
            }
            let middle = documents.count / 2
            let first = try await send(Array(documents[..<middle]))
            return first + (try await send(Array(documents[middle...])))
        }
    }

    private func sendAtOnce(_ documents: [ReplicatedDocument]) async throws -> [WriteFailure] {
        var body = Array(#"{"new_edits":false,"docs":["#.utf8)
        for (index, document) in documents.enumerated() {
            if index > 0 { body.append(UInt8(ascii: ",")) }
            document.write(to: &body, rules: rules)
        }
        body.append(contentsOf: "]}".utf8)
        let answer = try await session.json(
            HTTPSession.Request(method: "POST", path: path("_bulk_docs"), body: body)
        )
        return (answer.arrayValue ?? []).compactMap { entry in
            guard let error = entry["error"]?.stringValue, let id = entry["id"]?.stringValue else { return nil }
            return WriteFailure(
                id: DocumentID(stored: id),
                revision: entry["rev"]?.stringValue.flatMap { try? RevisionID(parsing: $0) },
                error: CouchError(named: error, reason: entry["reason"]?.stringValue)
            )
        }
    }
}
