package import JSON
import Testing

/// A database of a CouchDB, or of what claims to be one, over HTTP as it is on the wire.
package protocol CouchDatabaseClient: Sendable {
    /// Sends a request and reads the answer whole.
    ///
    /// - Parameter path: Behind the database's name, with its slash and query.
    func send(
        _ method: String,
        _ path: String,
        headers: [(String, String)],
        text: String?
    ) async throws -> CouchAnswer

    /// Sends a GET whose answer is read line by line while it comes, until `read` says that it is enough.
    func follow(_ path: String, headers: [(String, String)], read: (String) async throws -> Bool) async throws
}

/// What a server answered.
package struct CouchAnswer: Sendable {
    package let status: Int
    /// By their names in lower case.
    package let headers: [String: String]
    package let bytes: [UInt8]

    package init(status: Int, headers: [String: String], bytes: [UInt8]) {
        self.status = status
        self.headers = headers
        self.bytes = bytes
    }

    package var text: String { String(decoding: bytes, as: UTF8.self) }
    package var json: JSONValue { (try? JSONValue(parsing: bytes)) ?? .null }
}

/// One thing that `_changes` must do over HTTP, to the byte where clients rely on bytes.
///
/// A check gets an empty database of its own, as an administrator. On CouchDB it must have one shard (`q=1`): with
/// more, changes have no total order.
package struct ChangesCheck: Sendable, CustomTestStringConvertible {
    /// What is checked, as a sentence.
    package let name: String
    package let run: @Sendable (any CouchDatabaseClient) async throws -> Void

    package var testDescription: String { name }

    package static let all = lists + filters + live + mistakes
}

extension CouchDatabaseClient {
    func get(_ path: String) async throws -> CouchAnswer { try await send("GET", path, headers: [], text: nil) }

    func post(_ path: String, _ body: JSONValue) async throws -> CouchAnswer {
        try await send("POST", path, headers: [("Content-Type", "application/json")], text: body.text)
    }

    /// Writes a document, which must succeed.
    ///
    /// - Returns: Its revision.
    @discardableResult
    func put(_ id: String, _ body: JSONObject = [:]) async throws -> String {
        let answer = try await send(
            "PUT",
            "/\(id)",
            headers: [("Content-Type", "application/json")],
            text: JSONValue.object(body).text
        )
        return try #require(answer.json["rev"]?.stringValue, "\(answer.text)")
    }

    /// Writes revisions that were made elsewhere.
    func graft(_ documents: JSONValue...) async throws {
        let answer = try await post("/_bulk_docs", ["new_edits": false, "docs": .array(documents)])
        #expect(answer.json == [], "\(answer.text)")
    }

    /// Three documents and a tombstone, in this order: `a`, `c`, `b` (changed again), `gone`.
    func fill() async throws {
        try await put("a", ["n": 1])
        let revision = try await put("b", ["n": 2])
        try await put("c", ["n": 3])
        try await put("b", ["n": 4, "_rev": .string(revision)])
        let gone = try await put("gone")
        try await put("gone", ["_rev": .string(gone), "_deleted": true])
    }
}

extension CouchAnswer {
    /// What stands between the line feeds.
    var lines: [String] {
        bytes.split(separator: UInt8(ascii: "\n"), omittingEmptySubsequences: false)
            .map { String(decoding: $0, as: UTF8.self) }
    }

    /// The ids of the rows.
    var ids: [String] { (json["results"]?.arrayValue ?? []).compactMap { $0["id"]?.stringValue } }

    /// The place behind the last row, as the value of `since`.
    var lastSequence: String {
        get throws { try #require(json["last_seq"]?.sinceText, "\(text)") }
    }
}

extension JSONValue {
    /// A place as the value of `since`.
    var sinceText: String? { stringValue ?? (isNull ? nil : text) }
}
