import CouchProtocol
import DocumentStore
import Hummingbird
import NIOCore

/// Writes documents with their attachments as parts behind them, as `chttpd_db` of CouchDB 3.5 does.
struct DocumentParts: Sendable {
    let store: DocumentStore
    let database: Database

    /// A document and the attachments of its revision, in the same order.
    struct Item: Sendable {
        var document: OutgoingDocument
        var attachments: [StoredAttachment]

        /// The attachments whose contents follow the document.
        fileprivate var following: [(OutgoingAttachment, StoredAttachment)] {
            zip(document.attachments, attachments).filter { $0.0.content == .follows }
        }
    }

    /// One of several revisions in a `multipart/mixed` answer.
    enum Answer: Sendable {
        case document(Item)
        /// JSON that says what is wrong.
        case failure([UInt8])
    }

    // MARK: - One document

    /// `multipart/related`: the document and what follows it, with its length said in advance.
    func related(_ item: Item, headers: HTTPFields = [:]) -> Response {
        let multipart = MultipartWriter(boundary: Self.randomBoundary())
        let json = item.document.bytes(database)
        let following = item.following
        var headers = headers
        headers[.contentType] = multipart.relatedType
        let body = ResponseBody(
            contentLength: multipart.length(document: json.count, attachments: following.map(\.0))
        ) { writer in
            var pieces = PieceWriter(writer)
            try await write(json, following, multipart, to: &pieces)
            try await pieces.finish()
        }
        return Response(status: .ok, headers: headers, body: body)
    }

    @concurrent private func write(
        _ json: [UInt8],
        _ following: [(OutgoingAttachment, StoredAttachment)],
        _ multipart: MultipartWriter,
        to pieces: inout PieceWriter
    ) async throws {
        try await pieces.write(multipart.documentHead)
        try await pieces.write(json)
        for (outgoing, attachment) in following {
            try await pieces.write(multipart.head(of: outgoing))
            try await pieces.write(attachment.content, from: store)
        }
        try await pieces.write(multipart.end)
    }

    // MARK: - Several revisions

    /// Writes a revision as a part: with what follows it as parts within the part, or as JSON when nothing does.
    ///
    /// - Parameter namesRevision: Whether the part's headers say which revision of which document it is.
    @concurrent func write(
        _ answer: Answer,
        _ outer: MultipartWriter,
        namesRevision: Bool,
        to pieces: inout PieceWriter
    ) async throws {
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
            let inner = MultipartWriter(boundary: Self.randomBoundary())
            var headers: [(name: String, value: String)] = []
            if namesRevision {
                headers = [
                    ("X-Doc-Id", item.document.id.text), ("X-Rev-Id", item.document.revision.description),
                ]
            }
            try await pieces.write(outer.head(headers + [("Content-Type", inner.relatedType)]))
            try await write(json, following, inner, to: &pieces)
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
