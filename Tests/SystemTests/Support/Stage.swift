import CouchProtocol
import JSON
import TestSupport
import Testing

/// A database of one test, and those who call it: the administrator, two users, and somebody without credentials.
struct Stage: Sendable {
    let path: String
    /// The database's name.
    var database: String { String(path.dropFirst()) }
    let administrator: Client
    let user: Client
    let other: Client
    let anonymous: Client
    let cast: Cast

    static func make(_ name: String, settings: JSONValue? = nil) async throws -> Stage {
        let system = try await RunningSystem.shared
        let cast = try await Cast.of(system)
        let stage = Stage(
            path: "/" + uniqueID(name),
            administrator: system.administrator,
            user: try await system.login(cast.first),
            other: try await system.login(cast.stranger),
            anonymous: Client(system.http),
            cast: cast
        )
        try #require(try await system.administrator.send("PUT", stage.path).status == 201)
        if let settings {
            let answer = try await system.administrator.send("PUT", "/_fullsync/databases\(stage.path)", settings)
            try #require(answer.status == 200, "\(answer.json)")
        }
        return stage
    }

    /// Writes a document as the administrator.
    @discardableResult
    func put(_ id: String, _ members: JSONObject = [:], after: String? = nil) async throws -> String {
        var document = members
        if let after { document["_rev"] = .string(after) }
        let answer = try await administrator.send("PUT", "\(path)/\(id)", .object(document))
        return try #require(answer.json["rev"]?.stringValue, "\(answer.json)")
    }

    /// Takes over a revision that was made elsewhere, named with its ancestors.
    func graft(_ id: String, _ revisions: [String], _ members: JSONObject = [:]) async throws {
        var document = members
        let start = revisions[0].prefix { $0 != "-" }
        let ids = revisions.map { JSONValue.string(String($0.drop { $0 != "-" }.dropFirst())) }
        document["_id"] = .string(id)
        document["_revisions"] = ["start": .number(JSONNumber(Int(start) ?? 0)), "ids": .array(ids)]
        let answer = try await administrator.send(
            "POST",
            "\(path)/_bulk_docs",
            ["new_edits": false, "docs": [.object(document)]]
        )
        try #require(answer.status == 201 && answer.json == [], "\(answer.json)")
    }

    /// The error of a function that has no end, once it says which function that is.
    ///
    /// On a machine that stands still its host is ended before anybody knows, and what it does is asked of another one.
    func failure(
        naming function: String,
        _ send: () async throws -> Client.Answer
    ) async throws -> Client.Answer {
        var answer: Client.Answer?
        try await eventually("the error names \(function)") {
            answer = try await send()
            #expect(answer?.status ?? 0 >= 500, "\(function)")
            return answer?.reason?.contains(function) == true
        }
        return try #require(answer)
    }

    /// Who is meant by a word of a table.
    func client(_ word: String) -> Client {
        switch word {
        case "admin": administrator
        case "user": user
        case "other": other
        default: anonymous
        }
    }

    /// Sends a request without a body and compares the answer.
    func expect(
        _ client: Client,
        _ method: String,
        _ resource: String,
        headers: [(String, String)] = [],
        _ status: Int,
        _ error: String? = nil,
        _ reason: String? = nil,
        _ location: SourceLocation = #_sourceLocation
    ) async throws {
        try await expect(client, method, resource, nil, headers: headers, status, error, reason, location)
    }

    /// Sends a request of a table and compares the status and the error with what CouchDB 3.5 answers.
    func expect(
        _ client: Client,
        _ method: String,
        _ resource: String,
        _ body: String?,
        headers: [(String, String)] = [],
        _ status: Int,
        _ error: String? = nil,
        _ reason: String? = nil,
        _ location: SourceLocation = #_sourceLocation
    ) async throws {
        let answer = try await client.send(method, path + resource, text: body, headers: headers)
        let asked = "\(method) \(resource) \(body ?? "")"
        #expect(answer.status == status, "\(asked): \(answer.json)", sourceLocation: location)
        #expect(answer.error == error, "\(asked): \(answer.json)", sourceLocation: location)
        if let reason { #expect(answer.reason == reason, "\(asked)", sourceLocation: location) }
    }
}
