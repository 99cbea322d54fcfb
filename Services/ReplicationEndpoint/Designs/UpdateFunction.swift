import CouchProtocol
import DesignFunctions
import DocumentStore
import Foundation
import HTTPTypes
import Hummingbird
import JSON
import ScriptHosting
import Telemetry

/// `/<database>/_design/<design>/_update/<function>/<document>`: a function makes a document of a request, and the
/// answer to it.
///
/// What it makes is written with the caller's rights, and is validated, as if the caller had sent it.
struct UpdateFunction: Sendable {
    let designs: DesignResource
    let name: String

    private var store: DocumentStore { designs.store }

    func respond(
        to exchange: Exchange,
        design: String,
        document: String?,
        in database: Database
    ) async throws -> Response {
        try exchange.requireUser()
        guard !exchange.isRead else {
            throw CouchError(
                status: 405,
                error: "method_not_allowed",
                reason: "Update functions do not allow \(exchange.method.rawValue)"
            )
        }
        let function = try await designs.design(design, in: database, for: exchange.caller)
            .function(name, of: "updates")
        let id = try document.map { text throws(CouchError) in try DocumentID(text) }
        let present = try await present(id, in: database, for: exchange.caller)
        let body = try await exchange.body()
        let request = try await ScriptRequest(
            store: store,
            exchange: exchange,
            database: database,
            document: document,
            body: String(decoding: body, as: UTF8.self)
        ).json()
        let result = try await run(function, present, request)
        let answer = try FunctionAnswer(result[1])
        guard !result[0].isNull else { return answer.response(status: 200) }
        return try await write(result[0], answer, exchange, in: database)
    }

    /// The document that the path names, as the caller sees it; nil when there is none, or none any more.
    private func present(_ id: DocumentID?, in database: Database, for caller: Caller) async throws -> [UInt8]? {
        guard let id, !id.isLocal, let found = try await store.document(id, in: database, for: caller),
            !found.isDeleted
        else { return nil }
        return found.scriptText(database, withConflicts: true)
    }

    private func run(_ function: ScriptFunctions, _ document: [UInt8]?, _ request: [UInt8]) async throws -> [JSONValue]
    {
        let text: [UInt8]
        do throws(ScriptError) {
            text = try await designs.scripts.update(function, document: document, request: request)
        } catch {
            throw CouchError(renderError: error)
        }
        guard let result = try? JSONValue(parsing: text).arrayValue, result.count == 2 else {
            throw CouchError.internalError
        }
        return result
    }

    private func write(
        _ document: JSONValue,
        _ answer: FunctionAnswer,
        _ exchange: Exchange,
        in database: Database
    ) async throws -> Response {
        let intake = DocumentIntake(database, exchange.limits)
        let bytes = document.bytes
        let incoming = try intake.document(bytes, in: bytes.indices)
        guard let id = incoming.id else { throw CouchError.illegalDocumentID("Document id must not be empty") }
        var edit = intake.edit(incoming, id: id)
        edit.attachments = try await AttachmentIntake(store: store, rules: intake.rules).edited([incoming])[0]
        let outcome = try await store.write(
            [edit],
            to: database,
            by: exchange.writer(to: database, in: store),
            traceID: TraceContext.current?.traceID
        )[0]
        switch outcome {
        case .refused(let error): throw error
        case .written(let revision):
            var response = answer.response(status: 201)
            response.headers[HTTPHeader.updatedRevision] = revision.description
            response.headers[HTTPHeader.updatedDocument] =
                id.text.addingPercentEncoding(withAllowedCharacters: .alphanumerics) ?? ""
            return response
        }
    }
}

/// What an update function answers: a text, or an object that says status, headers and body.
struct FunctionAnswer: Sendable {
    private var code: Int?
    private var headers: HTTPFields = [:]
    private var body: [UInt8] = []
    private var contentType = "text/html; charset=utf-8"
    private var isJSON = false

    /// - Throws: `external_response_error` when the object has members that mean nothing.
    init(_ response: JSONValue) throws(CouchError) {
        guard let members = response.objectValue else {
            body = Array((response.stringValue ?? "").utf8)
            return
        }
        for (name, value) in members {
            switch (name, value) {
            case ("code", .number):
                guard let code = value.intValue, 200...599 ~= code else { throw Self.invalid(name, value) }
                self.code = code
            case ("json", _):
                body = value.bytes + Array("\n".utf8)
                contentType = "application/json"
                isJSON = true
            case ("body", .string(let text)): body = Array(text.utf8)
            case ("base64", .string(let text)):
                guard let bytes = Base64.decode(text.utf8) else { throw Self.invalid(name, value) }
                body = bytes
                contentType = "application/binary"
            case ("headers", .object(let fields)):
                for (name, value) in fields { try add(name, value) }
            case ("stop", .bool): break
            default: throw Self.invalid(name, value)
            }
        }
    }

    /// The headers by which HTTP says where a message ends, which are not a function's to say.
    private static let framing: Set<String> = ["connection", "content-length", "transfer-encoding", "upgrade"]

    private mutating func add(_ text: String, _ value: JSONValue) throws(CouchError) {
        guard let name = HTTPField.Name(text), !Self.framing.contains(name.canonicalName) else { return }
        let words = value.stringValue ?? String(decoding: value.bytes, as: UTF8.self)
        guard HTTPField.isValidValue(words) else { throw Self.invalid(text, value) }
        headers[name] = words
    }

    private static func invalid(_ name: String, _ value: JSONValue) -> CouchError {
        CouchError(
            status: 500,
            error: "external_response_error",
            reason: "Invalid data from external server: \(name): "
                + String(decoding: value.bytes.prefix(100), as: UTF8.self)
        )
    }

    /// The answer.
    ///
    /// - Parameter status: Where the function names none.
    func response(status: Int) -> Response {
        var headers = headers
        if headers[.contentType] == nil { headers[.contentType] = contentType }
        // As in CouchDB, a page of a function's can do nothing in the name of whoever looks at it.
        if !isJSON, headers[.contentSecurityPolicy] == nil { headers[.contentSecurityPolicy] = "sandbox" }
        return Response(
            status: HTTPResponse.Status(code: code ?? status),
            headers: headers,
            body: ResponseBody(byteBuffer: .init(bytes: body))
        )
    }
}

extension CouchError {
    /// What a client is told of an update function that gave no answer; CouchDB's `render_error` for one that threw.
    init(renderError error: ScriptError) {
        guard error.kind == .exception else {
            self.init(error)
            return
        }
        self.init(status: 500, error: "render_error", reason: "function raised error: \(error)")
    }
}

extension StoredRevision {
    /// The document as functions of design documents get it: with its history, and its attachments described.
    func scriptText(_ database: Database, withConflicts: Bool = false) -> [UInt8] {
        var document = OutgoingDocument(self)
        // So many revisions CouchDB gives its query servers.
        document.revisions = tree?.path(to: revision)?.prefix(20)
        if withConflicts { document.conflicts = tree?.conflicts ?? [] }
        return document.bytes(database)
    }
}
