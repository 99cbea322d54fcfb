import Compression
import CouchProtocol
import DocumentStore
import Foundation
import HTTPTypes
import Hummingbird
import JSON
import NIOCore

/// One request with all that is known of it before its resource looks at it.
struct Exchange: Sendable {
    let request: Request
    /// What is asked for: the request's method, or the one that it stands for.
    let method: HTTPRequest.Method
    /// Who sent it, as things were when its head came.
    let principal: Principal
    /// Who sends it, as things are now; nil when the right to be heard has ended.
    let sender: @Sendable () async throws -> Principal?
    let client: ClientConnection
    /// The connection that the request came by.
    let channel: any Channel
    let query: Query
    let limits: EndpointLimits
    /// What its body takes of the memory for bodies.
    let bodyShare: BodyShare

    var caller: Caller { principal.caller }

    /// The whole body, up to the limit.
    func body() async throws -> [UInt8] {
        try await body(limit: limits.requestBody)
    }

    /// The whole body, unpacked where it says that it is packed, up to that limit.
    func body(limit: Int) async throws -> [UInt8] {
        var body: [UInt8] = []
        try await readBody(limit: limit) { piece in
            try bodyShare.take(piece.count)
            body += piece
        }
        return body
    }

    /// Reads the body as it arrives, unpacked where it says that it is packed, and hands over a piece at a time.
    ///
    /// - Parameter limit: How many bytes it may have, as it comes and unpacked.
    func readBody(limit: Int, _ take: ([UInt8]) async throws -> Void) async throws {
        let gunzip = try Self.isPacked(request.headers[.contentEncoding]) ? Gunzip() : nil
        var count = 0
        func pass(_ bytes: [UInt8]) async throws {
            count += bytes.count
            guard count <= limit else { throw CouchError.tooLarge }
            try await take(bytes)
        }
        do {
            try await readPieces(limit: limit) { buffer in
                guard let gunzip else {
                    try await pass(Array(buffer.readableBytesView))
                    return
                }
                gunzip.append(Array(buffer.readableBytesView)[...])
                while let bytes = try gunzip.next() { try await pass(Array(bytes)) }
            }
            try gunzip?.finish()
        } catch is GzipError {
            throw CouchError.badRequest("Request body is not properly gzipped.")
        }
    }

    /// Reads the body as it arrives, as it comes, and hands over a piece at a time.
    ///
    /// - Parameter limit: How many bytes it may have.
    func readPieces(limit: Int, _ take: (ByteBuffer) async throws -> Void) async throws {
        // Before it is read: a client that waits to be told so sends none of it.
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit {
            throw CouchError.tooLarge
        }
        var count = 0
        for try await buffer in request.body {
            count += buffer.readableBytes
            guard count <= limit else { throw CouchError.tooLarge }
            try await take(buffer)
        }
    }

    /// Whether a body of that encoding is unpacked; as in CouchDB, there is none but gzip.
    private static func isPacked(_ encoding: String?) throws(CouchError) -> Bool {
        switch encoding?.lowercased() {
        case nil, "identity": return false
        case "gzip": return true
        default: throw .badContentType("\(encoding ?? "") is not a supported content encoding.")
        }
    }

    /// The body as a JSON value; an empty body is an empty object.
    func json() async throws -> JSONValue {
        let bytes = try await body()
        guard !bytes.isEmpty else { return [:] }
        do {
            return try JSONValue(parsing: bytes, limits: limits.json)
        } catch {
            throw CouchError.badRequest("invalid UTF-8 JSON: \(error)")
        }
    }

    /// Whether the request only looks.
    var isRead: Bool { method == .get || method == .head }

    /// The body, which must be there, as a JSON value.
    func requiredJSON() async throws -> JSONValue {
        let bytes = try await requiredBody()
        return try JSONValue(received: bytes, in: bytes.indices, limits: limits.json)
    }

    /// The body as a JSON object.
    func object() async throws -> JSONObject {
        guard let object = try await json().objectValue else {
            throw CouchError.badRequest("Request body must be a JSON object")
        }
        return object
    }

    /// The whole body, which must be there.
    ///
    /// - Parameter limit: How many bytes it may have; nil for what any body may have.
    func requiredBody(limit: Int? = nil) async throws -> [UInt8] {
        let bytes = try await body(limit: limit ?? limits.requestBody)
        guard !bytes.isEmpty else { throw CouchError.badRequest("Missing request body") }
        return bytes
    }

    /// Refuses bodies that do not say that they are JSON, as CouchDB does: a browser asks for leave before it sends
    /// such a request to a stranger.
    func requireJSON() throws(CouchError) {
        let type = request.headers[.contentType]?.prefix { $0 != ";" }
        guard type == "application/json" else { throw .badContentType("Content-Type must be application/json") }
    }

    /// Refuses what comes from no page of this server, by the header that browsers send with a form: a form needs no
    /// leave of the server that it is sent to.
    func requireOwnPage() throws(CouchError) {
        guard let referer = request.headers[.referer] else { throw .badRequest("Referer header required.") }
        let host = request.headers[HTTPHeader.forwardedHost] ?? request.head.authority
        let page = referer.split(separator: "/", maxSplits: 3, omittingEmptySubsequences: false).prefix(3)
        guard let host, let origin = Origin(page.joined(separator: "/")), origin.isAt(host.lowercased()) else {
            throw .badRequest("Referer header must match host.")
        }
    }

    /// Whether `If-None-Match` names that tag.
    func matches(tag: String) -> Bool {
        let tags = request.headers[.ifNoneMatch]?.split { $0 == "," || $0 == " " } ?? []
        return tags.contains { $0 == tag || $0 == "W/\(tag)" }
    }

    /// The absolute address of what these names lead to, as `Location` says it.
    func address(of names: String...) -> String {
        let scheme = request.headers[HTTPHeader.forwardedProtocol] == "https" ? "https" : "http"
        let host = request.headers[HTTPHeader.forwardedHost] ?? request.head.authority ?? "localhost"
        let path = names.map { "/" + ($0.addingPercentEncoding(withAllowedCharacters: .couchName) ?? $0) }
        return "\(scheme)://\(host)" + path.joined()
    }

    /// Refuses callers without credentials: what anybody may read, nobody in particular may not change.
    func requireUser() throws(CouchError) {
        guard principal.name != nil else { throw .unauthorized("You are not authorized to access this db.") }
    }

    /// Refuses everybody but administrators.
    func requireAdministrator() throws(CouchError) {
        guard principal.isAdministrator else {
            throw principal.name == nil
                ? .unauthorized("You are not a server admin.") : .forbidden("You are not a server admin.")
        }
    }

    /// The answer to a method that the resource does not have.
    func methodNotAllowed(_ allowed: String...) -> MethodNotAllowed {
        MethodNotAllowed(allowed: allowed)
    }
}

extension CharacterSet {
    /// What stands in a segment of an address as it is (RFC 3986, unreserved).
    fileprivate static let couchName = CharacterSet(
        charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
    )
}

extension HTTPRequest.Method {
    /// WebDAV's, which CouchDB took over.
    static let copy: HTTPRequest.Method = {
        guard let method = HTTPRequest.Method(rawValue: "COPY") else { preconditionFailure("COPY is no token") }
        return method
    }()
}

extension Request {
    /// The methods that a POST may stand for, as in CouchDB, for clients that cannot send them. (But for HEAD, whose
    /// answer would leave out what the client of a POST waits for.)
    private static let overriding: [String: HTTPRequest.Method] = [
        "GET": .get, "POST": .post, "PUT": .put, "DELETE": .delete, "COPY": .copy,
    ]

    /// The method, or the one that a POST says that it stands for.
    var meantMethod: HTTPRequest.Method {
        guard method == .post, let name = headers[HTTPHeader.methodOverride] else { return method }
        return Self.overriding[name] ?? method
    }
}

/// The resource does not have the request's method.
struct MethodNotAllowed: Error {
    let allowed: [String]
}

/// How much a request may ask.
struct EndpointLimits: Sendable {
    /// The most bytes of a request's body that is read whole, and of the documents that are gathered before any is
    /// written.
    var requestBody = 64 << 20
    /// The most bytes of the body of a `_bulk_docs`, or of a document, with the contents of attachments.
    var bulkBody = 4 << 30
    /// The most documents that a `_bulk_get` names.
    var bulkGet = 10_000
    /// The most documents of a `_bulk_docs`.
    var bulkDocs = 10_000
    /// The most keys of a list, and the most documents of a `_revs_diff`.
    var keys = 100_000
    /// The most documents that a `_purge` names.
    var purge = 10_000
    /// The most revisions of one document that a request names.
    var revisions = 10_000
    /// The most queries of a request that has several.
    var queries = 1_000
    /// The most databases that a `_dbs_info` names.
    var infos = 100
    /// The most ids that `_uuids` makes.
    var uuids = 1_000
    /// The most bytes of a query of Mango, or of the definition of an index.
    var findBody = 1 << 20
    /// The most bytes of a body that has to do with users, groups or sessions.
    var accessBody = 64 << 10
    /// The most groups that a user of the built-in directory is put into.
    var userGroups = 1_000
    /// The most bytes of a request's target.
    var address = 64 << 10
    /// What JSON may look like.
    var json = JSONLimits()
    /// What documents and their attachments may be, but for the names of tags.
    var documents = DocumentRules()
}

/// The parameters behind the `?`.
struct Query: Sendable {
    /// The parameters in their order; of two with one name the later one counts.
    let parameters: [(name: String, value: String)]
    private let values: [String: String]

    init(_ text: String?) {
        var parameters: [(name: String, value: String)] = []
        for pair in (text ?? "").split(separator: "&") {
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            let decoded = parts.map { part in
                part.replacingOccurrences(of: "+", with: " ").removingPercentEncoding ?? String(part)
            }
            parameters.append((decoded[0], decoded.count > 1 ? decoded[1] : ""))
        }
        self.parameters = parameters
        values = Dictionary(parameters.map { ($0.name, $0.value) }) { _, later in later }
    }

    subscript(name: String) -> String? { values[name] }

    /// The parameter as a boolean; false when it is absent.
    func bool(_ name: String) throws(CouchError) -> Bool {
        switch values[name] {
        case nil, "false": false
        case "true": true
        case let other?: throw .queryParseError("Invalid boolean parameter: \"\(other)\"")
        }
    }

    /// The parameter as a whole number that is not negative.
    func count(_ name: String) throws(CouchError) -> Int? {
        guard let text = values[name] else { return nil }
        guard let value = Int(text), value >= 0 else {
            throw .queryParseError("Invalid value for integer: \"\(text)\"")
        }
        return value
    }
}
