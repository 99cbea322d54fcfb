import CouchProtocol
import DocumentStore
import HTTPTypes
import Hummingbird

/// `/<database>/<document>/<attachment>`: one attachment, as the bytes that it is.
struct AttachmentResource: Sendable {
    let store: DocumentStore

    /// An attachment that a request names.
    struct Target: Sendable {
        let id: DocumentID
        let name: String
        let database: Database
    }

    func respond(to exchange: Exchange, _ target: Target) async throws -> Response {
        switch exchange.method {
        case .get, .head: try await read(exchange, target)
        case .put: try await AttachmentWriter(store: store).put(exchange, target)
        case .delete: try await AttachmentWriter(store: store).delete(exchange, target)
        default: throw exchange.methodNotAllowed("DELETE", "GET", "HEAD", "PUT")
        }
    }

    private func read(_ exchange: Exchange, _ target: Target) async throws -> Response {
        let attachment = try await attachment(exchange, target)
        let tag = "\"\(attachment.content.digest.dropFirst("md5-".count))\""
        let isUnpacked =
            attachment.encoding.map {
                !AcceptEncoding.accepts($0, exchange.request.headers[.acceptEncoding])
            } ?? false
        var headers = Self.headers(of: attachment, tag: tag, isUnpacked: isUnpacked)
        guard !exchange.matches(tag: tag) else { return Response(status: .notModified, headers: headers) }
        if isUnpacked {
            return Response(status: .ok, headers: headers, body: unpacked(attachment))
        }
        let length = attachment.content.length
        // As in CouchDB, a packed content is not cut.
        let range = attachment.encoding == nil ? exchange.request.headers[.range] : nil
        guard let ranges = try ByteRange.ranges(range, length: length) else {
            if let md5 = attachment.md5 { headers[HTTPHeader.contentMD5] = md5 }
            return Response(status: .ok, headers: headers, body: whole(attachment, 0..<length))
        }
        guard ranges.count > 1 else {
            headers[.contentRange] = ByteRange.contentRange(ranges[0], of: length)
            return Response(status: .partialContent, headers: headers, body: whole(attachment, ranges[0]))
        }
        let multipart = MultipartWriter(boundary: AttachmentAnswers.randomBoundary())
        headers[.contentType] = "multipart/byteranges; boundary=\"\(multipart.boundary)\""
        return Response(status: .partialContent, headers: headers, body: parts(attachment, ranges, multipart))
    }

    /// The attachment that a request names, of the winner or of the revision that it names.
    private func attachment(_ exchange: Exchange, _ target: Target) async throws -> StoredAttachment {
        let revision = try exchange.query["rev"].map { text throws(CouchError) in try RevisionID(parsing: text) }
        let request = RevisionRequest(id: target.id, revision: revision)
        let found = try await store.fetch([request], from: target.database, for: exchange.caller)[request]
        guard let found else { throw CouchError.missing }
        guard !found.isDeleted || revision != nil else { throw CouchError.deleted }
        guard let attachment = found.attachment(named: target.name) else { throw CouchError.missingAttachment }
        return attachment
    }

    /// The headers by which nothing in an attachment can act in the name of whoever looks at it: browsers neither guess
    /// another type nor run what is in it.
    private static func headers(of attachment: StoredAttachment, tag: String, isUnpacked: Bool) -> HTTPFields {
        var headers: HTTPFields = [
            .eTag: tag, .cacheControl: "must-revalidate",
            .contentType: HeaderText.line(attachment.contentType),
            .acceptRanges: attachment.encoding == nil ? "bytes" : "none",
            .xContentTypeOptions: "nosniff",
            .contentSecurityPolicy: "sandbox; default-src 'none'",
        ]
        if let encoding = attachment.encoding {
            headers[.vary] = "Accept-Encoding"
            if !isUnpacked { headers[.contentEncoding] = encoding }
        }
        return headers
    }

    // MARK: - Bodies

    private func whole(_ attachment: StoredAttachment, _ range: Range<Int>) -> ResponseBody {
        ResponseBody(contentLength: range.count) { writer in
            var pieces = PieceWriter(writer)
            try await pieces.write(attachment.content, range, from: store)
            try await pieces.finish()
        }
    }

    private func unpacked(_ attachment: StoredAttachment) -> ResponseBody {
        // It was unpacked when it came, so its length is known.
        ResponseBody(contentLength: attachment.length) { writer in
            var pieces = PieceWriter(writer)
            try await pieces.writeUnpacked(attachment, from: store)
            try await pieces.finish()
        }
    }

    private func parts(
        _ attachment: StoredAttachment,
        _ ranges: [Range<Int>],
        _ multipart: MultipartWriter
    ) -> ResponseBody {
        ResponseBody { writer in
            var pieces = PieceWriter(writer)
            for range in ranges {
                let contentRange = ByteRange.contentRange(range, of: attachment.content.length)
                try await pieces.write(
                    multipart.head([("Content-Type", attachment.contentType), ("Content-Range", contentRange)])
                )
                try await pieces.write(attachment.content, range, from: store)
            }
            try await pieces.write(multipart.end)
            try await pieces.finish()
        }
    }
}

extension StoredRevision {
    /// The attachment of that name.
    func attachment(named name: String) -> StoredAttachment? {
        // Not as Unicode compares: names are what their bytes are.
        attachments.first { $0.name.utf8.elementsEqual(name.utf8) }
    }
}

extension StoredAttachment {
    /// The MD5 in Base64, as the header `Content-MD5` has it.
    fileprivate var md5: String? {
        content.digest.hasPrefix("md5-") ? String(content.digest.dropFirst("md5-".count)) : nil
    }
}
