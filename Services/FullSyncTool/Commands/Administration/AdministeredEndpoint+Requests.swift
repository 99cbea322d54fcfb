import ArgumentParser
import AsyncHTTPClient
import Foundation
import JSON
import NIOCore
import NIOHTTP1

extension AdministeredEndpoint {
    /// Sequences may take long, and the endpoint ends them.
    private static let timeout = TimeAmount.minutes(15)
    private static let answerLimit = 64 << 20

    /// Lives as long as the process.
    ///
    /// Where nothing listens nothing is waited for.
    private static let client = {
        var configuration = HTTPClient.Configuration.singletonConfiguration
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.timeout.connect = .seconds(10)
        return HTTPClient(eventLoopGroup: HTTPClient.defaultEventLoopGroup, configuration: configuration)
    }()

    /// What is asked of the endpoint.
    struct Request {
        var method = HTTPMethod.GET
        /// The segments of the path, as they are.
        var path: [String]
        var query: [(name: String, value: String)] = []
        var body: JSONValue?
        var headers: [(name: String, value: String)] = []
        /// Who asks, when it is not the administrator.
        var caller: DemoProject.Credentials?
    }

    /// An answer, and the run that it came from.
    struct Answer {
        let body: JSONValue
        let run: String?
    }

    /// Asks once.
    ///
    /// - Throws: ``EndpointRefusal`` for a status that is no success, ``StrangeAnswer`` for what is no JSON,
    ///   ``EndpointUnreachable`` without an answer.
    func send(_ request: Request) async throws -> Answer {
        var outgoing = HTTPClientRequest(url: try url(of: request))
        outgoing.method = request.method
        outgoing.headers.add(name: "Authorization", value: (request.caller ?? credentials).authorization)
        for (name, value) in request.headers { outgoing.headers.add(name: name, value: value) }
        if let body = request.body {
            outgoing.headers.add(name: "Content-Type", value: "application/json")
            outgoing.body = .bytes(ByteBuffer(bytes: body.bytes))
        }
        let response: HTTPClientResponse
        let bytes: [UInt8]
        do {
            response = try await Self.client.execute(outgoing, timeout: Self.timeout)
            bytes = Array(try await response.body.collect(upTo: Self.answerLimit).readableBytesView)
        } catch {
            throw EndpointUnreachable(address: address, reason: "\(error)")
        }
        let body = try? JSONValue(parsing: bytes)
        let text = String(decoding: bytes.prefix(1_000), as: UTF8.self)
        let run = response.headers.first(name: "x-fullsync-run")
        guard (200..<300).contains(response.status.code) else {
            throw EndpointRefusal(
                status: Int(response.status.code),
                error: body?["error"]?.stringValue,
                reason: body?["reason"]?.stringValue ?? text,
                run: run,
                help: EndpointRefusal.help(for: Int(response.status.code), to: request),
                details: body?["details"]?.arrayValue ?? []
            )
        }
        guard let body else { throw StrangeAnswer(reason: "it is no JSON: \(text)") }
        return Answer(body: body, run: run)
    }

    /// Has something changed; gives what it says besides that it is done.
    func change(_ request: Request) async throws -> JSONValue {
        let answer = try await send(request).body
        guard answer["ok"] == true else { throw StrangeAnswer(reason: "it does not say that it is done") }
        return answer
    }

    /// Gets a resource.
    func get(_ path: [String], _ query: [(name: String, value: String)] = []) async throws -> JSONValue {
        try await send(Request(path: path, query: query)).body
    }

    /// All elements of a list that comes in pages, of which each but the last names where the next one begins.
    func all(_ member: String, of path: [String]) async throws -> [JSONValue] {
        var (found, after): ([JSONValue], String?) = ([], nil)
        while true {
            let page = try await get(path, after.map { [(name: "after", value: $0)] } ?? [])
            found += try page.objects(member)
            guard let next = page["next"]?.stringValue else { return found }
            after = next
        }
    }

    private func url(of request: Request) throws -> String {
        // The endpoint would take it for another resource.
        guard !request.path.contains("") else { throw WrongArgument(description: "a name may not be empty") }
        let path = request.path.map(Self.escaped).joined(separator: "/")
        let query = request.query.map { "\(Self.escaped($0.name))=\(Self.escaped($0.value))" }.joined(separator: "&")
        return "\(address)/\(path)" + (query.isEmpty ? "" : "?\(query)")
    }

    /// The text with everything percent-encoded but unreserved characters.
    static func escaped(_ text: String) -> String {
        let unreserved = CharacterSet(
            charactersIn: "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-._~"
        )
        return text.addingPercentEncoding(withAllowedCharacters: unreserved) ?? text
    }
}

/// The endpoint answered, and not what was asked for.
struct EndpointRefusal: Error, CustomStringConvertible, ErrorWithExitCode {
    let status: Int
    let error: String?
    let reason: String
    let run: String?
    /// What helps, where that is known.
    var help: String?
    /// What is wrong in parts, where it says so.
    var details: [JSONValue] = []

    var description: String {
        let more = (run.map { " (run \($0))" } ?? "") + (help.map { "; \($0)" } ?? "")
        // The sentence goes on.
        let reason = !more.isEmpty && reason.hasSuffix(".") ? String(reason.dropLast()) : reason
        return "\(status) \(error.map { "\($0): " } ?? "")\(reason)" + more
    }

    /// What helps whoever asked for that.
    static func help(for status: Int, to request: AdministeredEndpoint.Request) -> String? {
        switch (status, request.caller) {
        case (401, nil) where request.path.dropFirst(3).first == "sequences":
            "call as a user with --as, or set FULLSYNC_ADMIN_USER and FULLSYNC_ADMIN_PASSWORD to an administrator's"
        case (401, nil), (403, nil): "set FULLSYNC_ADMIN_USER and FULLSYNC_ADMIN_PASSWORD to an administrator's"
        case (401, .some): "set FULLSYNC_USER_PASSWORD to the user's"
        case (404, _): listing(of: request.path).map { "`\($0)` shows what there is" }
        case (503, _): "`fullsync doctor` says what is not well"
        default: nil
        }
    }

    /// The command that lists what a path names one of.
    private static func listing(of path: [String]) -> String? {
        guard path.count > 2, path[0] == "_fullsync" else { return nil }
        switch path[1] {
        case "runs", "users", "groups", "databases": return "fullsync \(path[1])"
        case "projects" where path.count > 4 && ["jobs", "listeners"].contains(path[3]):
            return "fullsync \(path[3]) \(path[2])"
        case "projects": return "fullsync doctor"
        default: return nil
        }
    }

    var exitCode: ExitCode { FailureCode.of(status: status) }
}

/// Nobody answered.
struct EndpointUnreachable: Error, CustomStringConvertible, ErrorWithExitCode {
    let address: String
    let reason: String

    var description: String {
        "\(address) does not answer: \(reason); `fullsync start` starts a system, FULLSYNC_ENDPOINT names one elsewhere"
    }
    var exitCode: ExitCode { FailureCode.unavailable }
}
