import CouchProtocol
import DocumentStore
import HTTPTypes
import Hummingbird

/// Answers with documents whose attachments are in them or follow them, as `chttpd_db` of CouchDB 3.5 does.
///
/// Contents are read while they are sent: what is in memory does not grow with them.
struct AttachmentAnswers: Sendable {
    let store: DocumentStore
    let database: Database

    /// One of several revisions that were asked for.
    enum Answer: Sendable {
        case document(AttachedDocument)
        /// JSON that says what is wrong.
        case failure([UInt8])
    }

    // MARK: - One document

    /// `multipart/related` when contents follow, with the length said in advance; else JSON.
    func respond(_ item: AttachedDocument, headers: HTTPFields = [:]) -> Response {
        let following = item.following
        guard following.isEmpty else { return related(item, following, headers) }
        guard item.hasContents else { return .json(bytes: item.document.bytes(database), headers: headers) }
        var headers = headers
        headers[.contentType] = "application/json"
        headers[.cacheControl] = "must-revalidate"
        let body = ResponseBody { writer in
            var pieces = PieceWriter(writer)
            try await pieces.write(item.document, item.attachments, rules: database.documentRules, from: store)
            try await pieces.write("\n".utf8)
            try await pieces.finish()
        }
        return Response(status: .ok, headers: headers, body: body)
    }

    private func related(
        _ item: AttachedDocument,
        _ following: [(OutgoingAttachment, StoredAttachment)],
        _ headers: HTTPFields
    ) -> Response {
        let multipart = MultipartWriter(boundary: Self.randomBoundary())
        let json = item.document.bytes(database)
        var headers = headers
        headers[.contentType] = multipart.relatedType
        let length = multipart.length(document: json.count, attachments: following.map(\.0))
        let body = ResponseBody(contentLength: length) { writer in
            var pieces = PieceWriter(writer)
            try await pieces.write(json, following, multipart, from: store)
            try await pieces.finish()
        }
        return Response(status: .ok, headers: headers, body: body)
    }

    // MARK: - Several revisions

    /// `[{"ok": …}, {"missing": …}]`: how CouchDB lists opened revisions for those who take no parts.
    func list(_ answers: [Answer]) -> Response {
        .streamed { writer in
            var pieces = PieceWriter(writer)
            for (index, answer) in answers.enumerated() {
                try await pieces.write((index == 0 ? "[" : ",").utf8)
                switch answer {
                case .failure(let json): try await pieces.write(json)
                case .document(let item):
                    try await pieces.write(#"{"ok":"#.utf8)
                    try await pieces.write(item.document, item.attachments, rules: database.documentRules, from: store)
                    try await pieces.write("}".utf8)
                }
            }
            try await pieces.write((answers.isEmpty ? "[]\n" : "]\n").utf8)
            try await pieces.flush()
        }
    }

    /// Opened revisions as parts.
    func mixed(_ answers: [Answer]) -> Response {
        parts("multipart/mixed") { parts, pieces in
            for answer in answers { try await parts.write(answer, namesRevision: false, to: &pieces) }
        }
    }

    /// An answer in parts of that type, which `write` writes.
    func parts(
        _ type: String,
        _ write: @concurrent @escaping @Sendable (Parts, inout PieceWriter) async throws -> Void
    ) -> Response {
        let outer = MultipartWriter(boundary: Self.randomBoundary())
        let parts = Parts(store: store, database: database, outer: outer)
        let body = ResponseBody { writer in
            var pieces = PieceWriter(writer)
            try await write(parts, &pieces)
            try await pieces.write(outer.end)
            try await pieces.finish()
        }
        let headers: HTTPFields = [.contentType: "\(type); boundary=\"\(outer.boundary)\""]
        return Response(status: .ok, headers: headers, body: body)
    }

    /// Writes the parts of one answer.
    struct Parts: Sendable {
        fileprivate let store: DocumentStore
        fileprivate let database: Database
        fileprivate let outer: MultipartWriter

        /// Writes a revision: with what follows it as parts within the part, or as JSON when nothing does.
        ///
        /// - Parameter namesRevision: Whether the part's headers say which revision of which document it is.
        @concurrent func write(_ answer: Answer, namesRevision: Bool, to pieces: inout PieceWriter) async throws {
            switch answer {
            case .failure(let json):
                try await pieces.write(outer.head([("Content-Type", #"application/json; error="true""#)]))
                try await pieces.write(json)
            case .document(let item):
                let json = item.document.bytes(database)
                let following = item.following
                guard !following.isEmpty else {
                    try await pieces.write(outer.head([("Content-Type", "application/json")]))
                    return try await pieces.write(json)
                }
                let inner = MultipartWriter(boundary: AttachmentAnswers.randomBoundary())
                var headers: [(name: String, value: String)] = []
                if namesRevision {
                    headers = [
                        ("X-Doc-Id", item.document.id.text), ("X-Rev-Id", item.document.revision.description),
                    ]
                }
                try await pieces.write(outer.head(headers + [("Content-Type", inner.relatedType)]))
                try await pieces.write(json, following, inner, from: store)
            }
        }
    }

    /// A boundary that stands in no content, as far as chance can say.
    static func randomBoundary() -> String {
        var generator = SystemRandomNumberGenerator()
        return [generator.next(), generator.next() as UInt64].map { word in
            let text = String(word, radix: 16)
            return String(repeating: "0", count: 16 - text.count) + text
        }.joined()
    }
}

extension PieceWriter {
    /// Writes a document and the contents that follow it.
    @concurrent fileprivate mutating func write(
        _ json: [UInt8],
        _ following: [(OutgoingAttachment, StoredAttachment)],
        _ multipart: MultipartWriter,
        from store: DocumentStore
    ) async throws {
        try await write(multipart.documentHead)
        try await write(json)
        for (outgoing, attachment) in following {
            try await write(multipart.head(of: outgoing))
            try await write(attachment.content, from: store)
        }
        try await write(multipart.end)
    }
}
