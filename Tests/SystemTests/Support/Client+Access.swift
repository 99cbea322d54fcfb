import JSON
import NIOHTTP1
import TestSupport
import Testing

extension Client {
    /// Sends a request with headers of one's own.
    func send(
        _ method: String,
        _ path: String,
        headers: [(String, String)],
        text: String? = nil
    ) async throws -> Answer {
        try await send(method, path, text: text, headers: headers)
    }

    /// Logs in, and gives back a client with the session.
    func login(_ name: String, _ password: String) async throws -> Client {
        let answer = try await decided {
            try await send("POST", "/_session", ["name": .string(name), "password": .string(password)])
        }
        try #require(answer.status == 200, "\(answer.json)")
        return Client(base, .session(try #require(answer.sessionToken)))
    }

    /// Makes a user of the built-in directory that nobody else has.
    func makeUser(_ password: String, groups: [String] = []) async throws -> String {
        let name = uniqueID("user")
        let answer = try await send(
            "PUT",
            "/_fullsync/users/\(segment(name))",
            ["password": .string(password), "groups": .array(groups.map(JSONValue.string))]
        )
        try #require(answer.status == 201, "\(answer.json)")
        return name
    }
}

/// What a request with a password is answered once somebody can say whose the password is.
///
/// Until then the answer is 503: a worker has to ask the ERP about the demo's technicians, and other tests have just
/// killed both.
func decided(
    sourceLocation: SourceLocation = #_sourceLocation,
    _ send: () async throws -> Client.Answer
) async throws -> Client.Answer {
    var answer: Client.Answer?
    try await eventually("the password can be checked", within: .seconds(300), sourceLocation: sourceLocation) {
        answer = try await send()
        return answer?.status != 503
    }
    return try #require(answer)
}
