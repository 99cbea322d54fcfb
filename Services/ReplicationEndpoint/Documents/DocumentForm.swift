import CouchProtocol
import DocumentStore
import HTTPTypes
import Hummingbird
import NIOCore

/// A form (`multipart/form-data`) by which a page sends files to a document, as CouchDB's own pages did.
///
/// `_doc` is the document as JSON, or `_rev` the revision that stays as it is otherwise; each file of the field
/// `_attachments` becomes an attachment of its name.
struct DocumentForm {
    private enum Field {
        case document
        case revision
        case file
        case unknown
    }

    private(set) var document: [UInt8]?
    private(set) var revision: String?
    private(set) var attachments: [NewAttachment] = []

    private let store: DocumentStore
    private let rules: DocumentRules
    private let documentLimit: Int
    /// What the texts of fields take of the memory for bodies.
    private let share: BodyShare
    private var field = Field.unknown
    private var text: [UInt8] = []
    private var fileName = ""
    private var fileType: String?
    private var upload: IncomingContent?
    private var total = 0

    private init(_ exchange: Exchange, rules: DocumentRules, to store: DocumentStore) {
        self.store = store
        self.rules = rules
        documentLimit = exchange.limits.requestBody
        share = exchange.bodyShare
    }

    /// Reads the body of a request; its files are kept by the store then, and swept when nothing refers to them.
    static func read(_ exchange: Exchange, rules: DocumentRules, to store: DocumentStore) async throws -> DocumentForm {
        let type = MediaType(exchange.request.headers[.contentType] ?? "")
        guard type.name == "multipart/form-data" else {
            throw CouchError.badContentType("Content-Type must be multipart/form-data")
        }
        var reader = try MultipartReader(type, headerLimit: rules.partHeaderLimit)
        var form = DocumentForm(exchange, rules: rules, to: store)
        do {
            try await exchange.readPieces(limit: exchange.limits.bulkBody) { buffer in
                for event in try reader.append(buffer.readableBytesView) { try await form.take(event) }
            }
            try reader.finish()
            return form
        } catch {
            await form.upload?.abandon()
            throw error
        }
    }

    private mutating func take(_ event: MultipartReader.Event) async throws {
        switch event {
        case .part(let headers): try begin(headers)
        case .content(let bytes): try await take(bytes)
        case .partEnd: try await endField()
        case .end: break
        }
    }

    private mutating func begin(_ headers: MultipartHeaders) throws {
        text = []
        switch headers.fieldName {
        case "_doc": field = .document
        case "_rev": field = .revision
        case "_attachments":
            // A field for a file that nobody has chosen.
            guard let name = headers.fileName, !name.isEmpty else {
                field = .unknown
                return
            }
            guard attachments.count < rules.attachmentLimit else {
                throw CouchError.tooManyAttachments(
                    "The document has more than \(rules.attachmentLimit) attachments."
                )
            }
            try IncomingAttachment.check(name: name, lengthLimit: rules.attachmentNameLimit)
            field = .file
            fileName = name
            fileType = headers["content-type"]
            upload = try IncomingContent(
                to: store,
                name: name,
                encoding: nil,
                limit: rules.attachmentSizeLimit,
                beside: attachments.map(\.content)
            )
        default: field = .unknown
        }
    }

    private mutating func take(_ bytes: [UInt8]) async throws {
        switch field {
        case .unknown: break
        case .document, .revision:
            guard text.count + bytes.count <= documentLimit else { throw CouchError.tooLarge }
            try share.take(bytes.count)
            text += bytes
        case .file:
            total += bytes.count
            try AttachmentIntake(store: store, rules: rules).check(total: total)
            try await upload?.append(bytes)
        }
    }

    private mutating func endField() async throws {
        switch field {
        case .unknown: break
        case .document: document = text
        case .revision: revision = String(decoding: text, as: UTF8.self)
        case .file:
            guard let content = try await upload?.finish(expecting: nil).content else { throw CouchError.internalError }
            upload = nil
            attachments.append(
                NewAttachment(name: fileName, contentType: IncomingAttachment.type(fileType), content: content)
            )
        }
    }
}
