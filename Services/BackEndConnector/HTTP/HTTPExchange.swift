import Foundation
import Projects

/// One attempt at a call: the request with its credentials and cookies, its redirects, and what the server asks for
/// before it answers.
struct HTTPExchange {
    let call: HTTPCaller.Call
    let transport: HTTPTransport
    let caller: HTTPCaller
    let deadline: ContinuousClock.Instant
    private var jar: CookieJar
    /// The cookies that came.
    private(set) var received: [CookieJar.Received] = []

    init(
        call: HTTPCaller.Call,
        transport: HTTPTransport,
        caller: HTTPCaller,
        deadline: ContinuousClock.Instant,
        cookies: CookieJar
    ) {
        self.call = call
        self.transport = transport
        self.caller = caller
        self.deadline = deadline
        jar = cookies
    }

    /// The answer of the back end, after its redirects.
    mutating func run(_ first: OutgoingRequest) async throws(ExchangeFailure) -> RawAnswer {
        var redirects = Redirects(from: first.url, staysAtOrigin: call.connector.proxy != nil)
        var request = first
        while true {
            // Credentials are for the back end's own origin; a redirect to another one goes without.
            let isOwn = redirects.isSameOrigin(request.url, first.url)
            let answer = isOwn ? try await authenticated(request) : try await send(request)
            guard !call.transaction.accepted.contains(answer.status),
                let next = try redirects.next(request, status: answer.status, location: answer.headers["location"])
            else { return answer }
            request = next
        }
    }

    private mutating func authenticated(_ request: OutgoingRequest) async throws(ExchangeFailure) -> RawAnswer {
        switch call.connector.authentication {
        case .digest(let user, let password): try await digested(request, user, password)
        case .oauth2(let client): try await tokened(request, client)
        case .basic, .bearer, nil: try await send(request)
        }
    }

    /// With a token of the connector's, and once more with a new one when a token that was kept is refused.
    private mutating func tokened(
        _ request: OutgoingRequest,
        _ client: OAuth2Client
    ) async throws(ExchangeFailure) -> RawAnswer {
        var mayRenew = true
        while true {
            let token = try await token(for: client)
            var attempt = request
            attempt.headers.append((name: "authorization", value: "Bearer \(token.text)"))
            let answer = try await send(attempt)
            guard answer.status == 401, token.wasKept, mayRenew else { return answer }
            mayRenew = false
            await caller.tokens.drop(token, of: call.name)
        }
    }

    private func token(for client: OAuth2Client) async throws(ExchangeFailure) -> OAuth2Tokens.Token {
        do throws(ExchangeFailure) {
            return try await caller.tokens.token(for: client, of: call.name, until: deadline) {
                [transport, caller, connector = call.connector] request, deadline throws(ExchangeFailure) in
                try await caller.addresses.check(request.url, of: connector, until: deadline)
                return try await transport.exchange(request, deadline: deadline) { _ in
                    .whole(limit: OAuth2Tokens.maximumAnswer)
                }
            }
        } catch {
            // Without a token the request itself was not sent.
            switch error {
            case .timeout: throw .connectFailed("the token server did not answer in time")
            case .connectionLost: throw .connectFailed("the connection to the token server broke")
            case .responseTooLarge:
                throw .refused(BackEndRefusal(code: "oauth2_failed", reason: "the token server answers too much"))
            default: throw error
            }
        }
    }

    /// As the server's last challenge says, and once more when it has a new one: a 401 means that nothing happened.
    private mutating func digested(
        _ request: OutgoingRequest,
        _ user: String,
        _ password: String
    ) async throws(ExchangeFailure) -> RawAnswer {
        var attempt = request
        if let header = caller.digests.header(of: call.name, for: request, user: user, password: password) {
            attempt.headers.append((name: "authorization", value: header))
        }
        let answer = try await send(attempt)
        guard answer.status == 401, let text = answer.headers["www-authenticate"],
            let challenge = DigestChallenge(text)
        else { return answer }
        caller.digests.keep(challenge, of: call.name)
        guard let header = caller.digests.header(of: call.name, for: request, user: user, password: password) else {
            return answer
        }
        var second = request
        second.headers.append((name: "authorization", value: header))
        return try await send(second)
    }

    private mutating func send(_ request: OutgoingRequest) async throws(ExchangeFailure) -> RawAnswer {
        try await caller.addresses.check(request.url, of: call.connector, until: deadline)
        var request = request
        if call.connector.keepsCookies, let header = jar.header(for: request.url, at: .now) {
            request.headers.append((name: "cookie", value: header))
        }
        let transaction = call.transaction
        let limit = transaction.responseLimit ?? call.connector.responseLimit
        let answer = try await transport.exchange(request, deadline: deadline) { status in
            guard transaction.accepted.contains(status) else { return .excerpt(HTTPAnswer.excerptLength * 4) }
            return transaction.answer == .none ? .nothing : .whole(limit: limit)
        }
        if call.connector.keepsCookies, !answer.cookies.isEmpty {
            let new = answer.cookies.map { CookieJar.Received(text: $0, url: request.url) }
            received += new
            for cookie in new { jar.take(cookie, at: .now) }
        }
        return answer
    }
}

extension AddressGuard {
    /// Checks where a request goes: to its host, or to the proxy.
    ///
    /// A name that is behind a proxy is the proxy's to look up; an address is not.
    fileprivate func check(
        _ url: String,
        of connector: HTTPConnector,
        until deadline: ContinuousClock.Instant
    ) async throws(ExchangeFailure) {
        let host = HTTPTransport.host(of: url)
        guard let proxy = connector.proxy else {
            try await check(host, connector.addresses, until: deadline)
            return
        }
        let isAddress = Self.isAddress(host)
        // Other ways of writing addresses (0x7f.1, 2130706433), which the proxy may understand.
        guard isAddress || !Self.endsInNumber(host) else { throw .connectFailed("its address is written as none is") }
        if isAddress { try await check(host, connector.addresses, until: deadline) }
        try await check(proxy.host, connector.addresses, until: deadline)
    }
}
