import CouchProtocol
import DocumentStore
import HTTPTypes
import Hummingbird
import NIOCore

/// Reads a document with its attachments from a `multipart/related` body, in memory that does not grow with them.
///
/// As in CouchDB, the first part is the document, and the others are the contents that follow, in the order in which
/// the document names them.
struct MultipartDocument {
    private enum Stage {
        case document
        case attachments
    }

    private let store: DocumentStore
    private let rules: DocumentRules
    private let documentLimit: Int
    /// What the document takes of the memory for bodies.
    private let share: BodyShare
    private var stage = Stage.document
    private var text: [UInt8] = []
    private var document = IncomingDocument()
    /// The attachments whose contents are still to come.
    private var expected: ArraySlice<IncomingAttachment> = []
    private var upload: IncomingContent?
    private var arrived: [(content: StoredContent, unpackedLength: Int)] = []
    private var total = 0

    private init(_ exchange: Exchange, rules: DocumentRules, to store: DocumentStore) {
        self.store = store
        self.rules = rules
        documentLimit = exchange.limits.requestBody
        share = exchange.bodyShare
    }

    /// Whether a body of that type is read here.
    static func reads(_ exchange: Exchange) -> Bool {
        exchange.request.headers[.contentType].map { MediaType($0).name } == "multipart/related"
    }

    /// Reads the body of a request; its attachments are kept by the store then, and swept when nothing refers to them.
    static func read(
        _ exchange: Exchange,
        rules: DocumentRules,
        to store: DocumentStore
    ) async throws -> ReceivedDocument {
        let type = MediaType(exchange.request.headers[.contentType] ?? "")
        var reader = try MultipartReader(type, headerLimit: rules.partHeaderLimit)
        var reading = MultipartDocument(exchange, rules: rules, to: store)
        do {
            try await exchange.readPieces(limit: exchange.limits.bulkBody) { buffer in
                for event in try reader.append(buffer.readableBytesView) { try await reading.take(event) }
            }
            try reader.finish()
            return try await reading.contents()
        } catch {
            await reading.upload?.abandon()
            throw error
        }
    }

    private mutating func take(_ event: MultipartReader.Event) async throws {
        switch (event, stage) {
        case (.part(let headers), .document):
            guard headers.contentType.map(\.name) ?? "application/json" == "application/json" else {
                throw CouchError.badContentType("Content-Type must be application/json")
            }
        case (.content(let bytes), .document):
            guard text.count + bytes.count <= documentLimit else { throw CouchError.tooLarge }
            try share.take(bytes.count)
            text += bytes
        case (.partEnd, .document):
            document = try IncomingDocument(parsing: text, rules: rules)
            text = []
            expected = (document.attachments ?? []).filter { $0.content == .follows }[...]
            stage = .attachments
        case (.part, .attachments):
            // Parts that the document does not name are passed over.
            upload = try expected.first.map { attachment in
                try IncomingContent(
                    to: store,
                    name: attachment.name,
                    encoding: try ContentEncoding.parse(attachment.encoding),
                    limit: rules.attachmentSizeLimit,
                    beside: arrived.map(\.content)
                )
            }
        case (.content(let bytes), .attachments):
            guard upload != nil else { return }
            total += bytes.count
            try AttachmentIntake(store: store, rules: rules).check(total: total)
            try await upload?.append(bytes)
        case (.partEnd, .attachments): try await finishUpload()
        case (.end, _): break
        }
    }

    private mutating func finishUpload() async throws {
        guard var finished = upload, let attachment = expected.popFirst() else { return }
        upload = nil
        do {
            if let length = attachment.encodedLength ?? attachment.length, length != finished.length {
                throw CouchError.badRequest(
                    "attachment \(length < finished.length ? "longer" : "shorter") than expected"
                )
            }
            arrived.append(try await finished.finish(expecting: attachment.digest))
        } catch {
            await finished.abandon()
            throw error
        }
    }

    /// The document and its attachments, now that all has been read.
    private func contents() async throws -> ReceivedDocument {
        guard case .attachments = stage else { throw CouchError.badRequest("The multipart body has no document.") }
        guard expected.isEmpty else { throw CouchError.badRequest("attachment shorter than expected") }
        var following = arrived[...]
        var inline = document
        inline.attachments = document.attachments?.filter { $0.content != .follows }
        let intake = AttachmentIntake(store: store, rules: rules)
        var others = try await intake.edited([inline])[0][...]
        let attachments = try (document.attachments ?? []).map { attachment in
            guard attachment.content == .follows, let (content, length) = following.popFirst() else {
                guard let other = others.popFirst() else { throw CouchError.internalError }
                return other
            }
            return EditedAttachment.new(
                NewAttachment(
                    name: attachment.name,
                    contentType: attachment.contentType,
                    content: content,
                    encoding: try ContentEncoding.parse(attachment.encoding),
                    length: length,
                    revisionPosition: attachment.revisionPosition
                )
            )
        }
        return ReceivedDocument(document: document, attachments: attachments)
    }
}

/// A document that a client sent, with its attachments as an edit refers to them.
struct ReceivedDocument: Sendable {
    let document: IncomingDocument
    let attachments: [EditedAttachment]
}
