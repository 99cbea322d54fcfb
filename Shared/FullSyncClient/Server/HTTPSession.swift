import AsyncHTTPClient
import CouchProtocol
package import JSON
import NIOCore
import NIOHTTP1

/// The conversation with one server: who is logged in, and how a request gets its answer.
///
/// When the server no longer knows the session, it logs in again and repeats the request, once; requests that find
/// this out at the same time share the login. Nothing of one user's goes under the name of another: what the server
/// answers to requests that were made before a login or a logout says nothing of the session behind it.
package actor HTTPSession {
    /// A request, its path and query already escaped.
    struct Request: Sendable {
        var method = "GET"
        var path: String
        var query: [(name: String, value: String)] = []
        var body: RequestBody?
        var headers: [(String, String)] = []
        /// How long it may take until the answer begins; nil for no limit but that of silence, as what is sent may be
        /// large and the network slow.
        var limit: Duration?
        var asker = Asker.anyone
    }

    /// Whose request it is.
    enum Asker: Hashable, Sendable {
        /// That of whoever is logged in.
        case anyone
        /// That of one user, by the name that the server says, and nobody else; nil for nobody.
        case user(String?)
    }

    /// Brings a request with these headers to the server, and its answer back.
    typealias Wire = @Sendable (Request, [(String, String)]) async throws -> HTTPClientResponse

    /// How many bytes an answer may have that is read as a whole.
    private static let answerLimit = 64 << 20

    /// Who is logged in.
    private struct Login {
        let credentials: ServerAddress.Credentials
        /// Whom the server takes them for, which may be another name than the one that was typed; nil while it has not
        /// been asked.
        var user: String?

        /// Whether what was asked under an earlier state may go under this one.
        func continues(_ earlier: Login) -> Bool {
            credentials.name == earlier.credentials.name && (earlier.user == nil || earlier.user == user)
        }
    }

    package nonisolated let address: ServerAddress
    private var login: Login?
    private var cookie: String?
    /// Counts the logins and logouts that applications have made.
    private var generation = 0
    /// The login that is under way because the session has ended.
    private var renewal: Task<Void, any Error>?
    private let wire: Wire

    /// A conversation that begins with the credentials of the address, if it has any.
    package init(address: ServerAddress) {
        self.init(address: address) { try await Self.execute($0, at: address, headers: $1) }
    }

    init(address: ServerAddress, wire: @escaping Wire) {
        self.address = address
        self.wire = wire
        login = address.credentials.map { Login(credentials: $0) }
    }

    /// The user that the server's answer to a login names; nil where it names none.
    static func user(of answer: JSONValue) -> String? {
        answer["name"]?.stringValue.flatMap { $0.isEmpty ? nil : $0 }
    }

    /// Whether somebody is logged in.
    var isLoggedIn: Bool { login != nil }

    /// Logs in and keeps the credentials for when the session ends.
    ///
    /// One that fails leaves the session as it was.
    ///
    /// - Returns: What the server says of the user.
    /// - Throws: `conflict` when there was another login, or a logout, in the meantime.
    @discardableResult
    package func login(_ credentials: ServerAddress.Credentials) async throws -> JSONValue {
        let begun = generation
        let (cookie, answer) = try await startSession(credentials)
        guard begun == generation else {
            throw CouchError(status: 409, error: "conflict", reason: "Somebody else logged in or out meanwhile.")
        }
        turn(to: Login(credentials: credentials, user: Self.user(of: answer) ?? credentials.name), cookie: cookie)
        return answer
    }

    /// Ends the session, here and on the server, and forgets the credentials.
    package func logout() async throws {
        let ended = cookie
        turn(to: nil, cookie: nil)
        guard let ended else { return }
        let request = Request(method: "DELETE", path: "/_session", limit: .seconds(30))
        _ = try await Self.collect(try await wire(request, headers(of: request, ended)))
    }

    private func turn(to login: Login?, cookie: String?) {
        generation += 1
        renewal = nil
        (self.login, self.cookie) = (login, cookie)
    }

    /// The answer to a request, its body still to be read.
    ///
    /// An answer that is an error is thrown as one.
    func send(_ request: Request) async throws -> HTTPClientResponse {
        try check(request.asker)
        let asking = login
        if cookie == nil, let asking { try await renew(instead: nil, of: asking) }
        let used = cookie
        do {
            return try await answer(to: request)
        } catch let error as CouchError where error.status == 401 {
            guard let asking else { throw error }
            try await renew(instead: used, of: asking)
            return try await answer(to: request)
        }
    }

    private func check(_ asker: Asker) throws {
        guard case .user(let asker) = asker, login?.user != asker else { return }
        throw login == nil ? CouchError.unauthorized("Nobody is logged in.") : Self.endedForAnother
    }

    private static let endedForAnother = CouchError.unauthorized("Another user has logged in.")

    /// The JSON that answers a request.
    func json(_ request: Request) async throws -> JSONValue {
        let bytes = try await Self.collect(try await send(request))
        do {
            return try JSONValue(parsing: bytes)
        } catch {
            throw TransportError("the server's answer is no JSON")
        }
    }

    private func answer(to request: Request) async throws -> HTTPClientResponse {
        let begun = generation
        let response = try await wire(request, headers(of: request, cookie))
        if let new = Self.cookie(from: response), begun == generation { cookie = new.isEmpty ? nil : new }
        return response
    }

    private func headers(of request: Request, _ cookie: String?) -> [(String, String)] {
        var headers = request.headers + [("accept", "application/json")]
        if let body = request.body { headers.append(("content-type", body.contentType)) }
        if let cookie { headers.append(("cookie", "AuthSession=\(cookie)")) }
        return headers
    }
}

// MARK: - The session

extension HTTPSession {
    /// Logs in again, unless another request has done so in the meantime.
    ///
    /// - Throws: `unauthorized` when it is another user's session by now.
    private func renew(instead used: String?, of asking: Login) async throws {
        if cookie == used, let login, login.continues(asking) {
            let begun = generation
            let renewal = renewal ?? Task { try await renewSession(login, of: begun) }
            self.renewal = renewal
            try await renewal.value
        }
        guard let login, login.continues(asking) else { throw Self.endedForAnother }
    }

    private func renewSession(_ login: Login, of begun: Int) async throws {
        defer { if begun == generation { renewal = nil } }
        let (new, answer) = try await startSession(login.credentials)
        guard begun == generation else { return }
        let user = Self.user(of: answer) ?? login.credentials.name
        guard login.user ?? user == user else {
            // The name and the password are somebody else's by now.
            turn(to: nil, cookie: nil)
            throw Self.endedForAnother
        }
        self.login?.user = user
        cookie = new
    }

    private func startSession(
        _ credentials: ServerAddress.Credentials
    ) async throws -> (cookie: String, answer: JSONValue) {
        let body: JSONValue = ["name": .string(credentials.name), "password": .string(credentials.password)]
        let request = Request(method: "POST", path: "/_session", body: .json(body.bytes), limit: .seconds(60))
        let response = try await wire(request, headers(of: request, nil))
        let answer = try await Self.collect(response)
        guard let cookie = Self.cookie(from: response), !cookie.isEmpty else {
            throw TransportError("the server began no session")
        }
        return (cookie, (try? JSONValue(parsing: answer)) ?? .null)
    }

    /// The session that an answer sets, which is empty when it ends one; nil when it sets none.
    private static func cookie(from response: HTTPClientResponse) -> String? {
        let header = response.headers["set-cookie"].last { $0.hasPrefix("AuthSession=") }
        return header.map { String($0.dropFirst("AuthSession=".count).prefix { $0 != ";" }) }
    }
}

// MARK: - The wire

extension HTTPSession {
    /// The connections of the process.
    ///
    /// A feed is silent for a minute at most, so a longer silence means that the other side is gone.
    private static let client: HTTPClient = {
        var configuration = HTTPClient.Configuration()
        configuration.timeout = .init(connect: .seconds(10), read: .seconds(90))
        configuration.connectionPool.idleTimeout = .seconds(30)
        // Each live pull keeps one, and what finds none in time fails as if the server could not be reached.
        configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 64
        // Who is offline hears it at once; when to try again is the sync's to say.
        configuration.connectionPool.retryConnectionEstablishment = false
        configuration.redirectConfiguration = .disallow
        return HTTPClient(eventLoopGroupProvider: .singleton, configuration: configuration)
    }()

    private static func execute(
        _ request: Request,
        at address: ServerAddress,
        headers: [(String, String)]
    ) async throws -> HTTPClientResponse {
        var url = address.base + request.path
        if !request.query.isEmpty {
            url += "?" + request.query.map { "\($0.name)=\(PercentEncoding.encode($0.value))" }.joined(separator: "&")
        }
        var outgoing = HTTPClientRequest(url: url)
        outgoing.method = .RAW(value: request.method)
        for (name, value) in headers { outgoing.headers.add(name: name, value: value) }
        let upload = Upload(request.body ?? .json([]))
        if let body = request.body {
            outgoing.body = body.atOnce.map { .bytes($0) } ?? .stream(upload, length: .known(Int64(body.length)))
        }
        let deadline = request.limit.map { NIODeadline.now() + TimeAmount($0) } ?? .distantFuture
        let response = try await transport { [outgoing] in
            try await upload.watched { try await client.execute(outgoing, deadline: deadline) }
        }
        guard 200..<300 ~= response.status.code else {
            throw error(status: Int(response.status.code), body: try await collect(response))
        }
        return response
    }

    /// The whole body of an answer.
    static func collect(_ response: HTTPClientResponse) async throws -> [UInt8] {
        try await transport {
            var bytes: [UInt8] = []
            for try await chunk in response.body {
                bytes.append(contentsOf: chunk.readableBytesView)
                guard bytes.count <= answerLimit else { throw TransportError("the server's answer is too large") }
            }
            return bytes
        }
    }

    /// Carries out what goes over the wire; what fails there is a ``TransportError``, or the cancellation of the task.
    static func transport<Value>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch {
            if Task.isCancelled { throw CancellationError() }
            switch error {
            case is CancellationError, is CouchError, is TransportError: throw error
            case let error as HTTPClientError: throw TransportError(error.shortDescription)
            default: throw TransportError("the connection failed: \(type(of: error))")
            }
        }
    }

    /// Reads what a server has answered as ``transport(_:)`` does; what makes no sense is as good as no answer.
    static func reading<Value>(_ body: () async throws -> Value) async throws -> Value {
        try await transport {
            do {
                return try await body()
            } catch let error as CouchError {
                throw TransportError("the server's answer makes no sense: \(error.reason)")
            }
        }
    }

    /// The error that an answer is; one that does not say so itself comes from something in between, such as a proxy
    /// behind which the server is not there, and only that a request is too large for it will not pass.
    static func error(status: Int, body: [UInt8]) -> any Error {
        let answer = try? JSONValue(parsing: body)
        if let error = answer?["error"]?.stringValue {
            let reason = answer?["reason"]?.stringValue ?? "HTTP status \(status)"
            return CouchError(status: status, error: error, reason: reason)
        }
        guard status != CouchError.tooLarge.status else { return CouchError.tooLarge }
        return TransportError("something answers in the server's place, with HTTP status \(status)")
    }
}
