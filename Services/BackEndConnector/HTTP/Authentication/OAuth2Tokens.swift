import Foundation
import JSON
import Projects

/// Access tokens by client credentials (RFC 6749, section 4.4): asked for once, kept until shortly before they end.
actor OAuth2Tokens {
    /// The most bytes of an answer that holds a token.
    static let maximumAnswer = 65_536
    /// How long a request for a token may take, whoever waits for it.
    private static let requestTime: Duration = .seconds(60)
    /// How long a token is used when the server does not say how long it holds.
    private static let standardLife: Duration = .seconds(300)
    /// How long before its end a token is no longer used, at most: of one that is short-lived a part is left out.
    private static let margin: Duration = .seconds(30)
    private static let shareLeftOut = 5

    struct Token: Sendable, Hashable {
        let text: String
        /// Whether it was there before it was asked for.
        var wasKept: Bool
    }

    private struct Place: Hashable {
        let name: ConnectorName
        let client: OAuth2Client
    }

    private enum Entry {
        case asking(Task<Result<Answer, ExchangeFailure>, Never>)
        case kept(String, until: ContinuousClock.Instant)
    }

    private struct Answer: Sendable {
        let token: String
        let life: Duration
    }

    private var entries: [Place: Entry] = [:]

    /// A token that holds; several that ask at once wait for one answer, each as long as it may.
    ///
    /// - Parameters:
    ///   - deadline: How long this one may wait; the request goes on for the others, and for later ones.
    ///   - send: Sends the request for a token, which has a deadline of its own and is not cancelled with who asked
    ///     first.
    func token(
        for client: OAuth2Client,
        of name: ConnectorName,
        until deadline: ContinuousClock.Instant,
        send:
            @escaping @Sendable (
                OutgoingRequest, _ deadline: ContinuousClock.Instant
            ) async throws(ExchangeFailure) -> RawAnswer
    ) async throws(ExchangeFailure) -> Token {
        let place = Place(name: name, client: client)
        let task: Task<Result<Answer, ExchangeFailure>, Never>
        switch entries[place] {
        case .kept(let text, let end)? where end > .now: return Token(text: text, wasKept: true)
        case .asking(let running)?: task = running
        case .kept?, nil:
            task = Task {
                let result: Result<Answer, ExchangeFailure>
                do throws(ExchangeFailure) {
                    let answer = try await send(Self.request(for: client), .now + Self.requestTime)
                    result = .success(try Self.answer(answer))
                } catch {
                    result = .failure(error)
                }
                keep(result, at: place)
                return result
            }
            entries[place] = .asking(task)
        }
        return Token(text: try await Self.answer(of: task, until: deadline).token, wasKept: false)
    }

    private func keep(_ result: Result<Answer, ExchangeFailure>, at place: Place) {
        switch result {
        case .success(let answer):
            entries[place] = .kept(answer.token, until: .now + answer.life - Self.left(of: answer.life))
        case .failure: entries[place] = nil
        }
    }

    private static func answer(
        of asked: Task<Result<Answer, ExchangeFailure>, Never>,
        until deadline: ContinuousClock.Instant
    ) async throws(ExchangeFailure) -> Answer {
        // Who waits for a task waits to its end, cancelled or not; who waits for a stream does not.
        let (results, continuation) = AsyncStream.makeStream(of: Result<Answer, ExchangeFailure>.self)
        Task {
            continuation.yield(await asked.value)
            continuation.finish()
        }
        do {
            return try await withDeadline(deadline) {
                for await result in results { return try result.get() }
                throw CancellationError()
            }
        } catch {
            throw ExchangeFailure(error)
        }
    }

    /// Forgets a token that the back end does not take.
    func drop(_ token: Token, of name: ConnectorName) {
        entries = entries.filter { place, entry in
            guard place.name == name, case .kept(token.text, _) = entry else { return true }
            return false
        }
    }

    static func request(for client: OAuth2Client) -> OutgoingRequest {
        var fields = [("grant_type", "client_credentials")]
        if let scope = client.scope { fields.append(("scope", scope)) }
        fields += client.parameters.map { ($0.name, $0.value) }
        var headers = [
            (name: "accept", value: "application/json"),
            (name: "content-type", value: "application/x-www-form-urlencoded"),
            (name: "user-agent", value: "full-sync"),
        ]
        if client.isInBody {
            fields += [("client_id", client.id), ("client_secret", client.secret)]
        } else {
            // Both are written as in a form before they become a user and a password (section 2.3.1).
            let header = HTTPAuthentication.basicHeader(encoded(client.id), encoded(client.secret))
            headers.append((name: "authorization", value: header))
        }
        let body = fields.map { "\(encoded($0.0))=\(encoded($0.1))" }.joined(separator: "&")
        let address = client.tokenURL
        return OutgoingRequest(
            method: "POST",
            url: address.origin + (address.path.isEmpty ? "/" : address.path),
            headers: headers,
            body: Array(body.utf8),
            isIdempotent: false
        )
    }

    private static func left(of life: Duration) -> Duration { min(margin, life / shareLeftOut) }

    /// The token of an answer (section 5.1).
    ///
    /// A server that is not well is waited for like a back end that is not there; all else is a refusal.
    private static func answer(_ answer: RawAnswer) throws(ExchangeFailure) -> Answer {
        guard answer.status < 500, answer.status != 429 else {
            throw .connectFailed("the token server answered with status \(answer.status)")
        }
        guard answer.status == 200 else { throw refused(answer, "no token was given out (status \(answer.status))") }
        guard let value = try? JSONValue(parsing: answer.body), let token = value["access_token"]?.stringValue,
            !token.isEmpty, token.utf8.allSatisfy({ (0x21...0x7E).contains($0) })
        else { throw refused(answer, "the token server's answer has no token in it") }
        // Of another type it is not shown as one is (section 7.1). Servers that leave the type out mean this one.
        guard value["token_type"]?.stringValue.map({ $0.lowercased() == "bearer" }) ?? true else {
            throw refused(answer, "the token is of another type than Bearer")
        }
        let seconds = value["expires_in"]?.intValue ?? value["expires_in"]?.stringValue.flatMap { Int($0) }
        let life = seconds.map { Duration.seconds(min(max(0, $0), 86_400)) } ?? standardLife
        return Answer(token: token, life: life)
    }

    private static func refused(_ answer: RawAnswer, _ reason: String) -> ExchangeFailure {
        let word = (try? JSONValue(parsing: answer.body))?["error"]?.stringValue
        return .refused(
            BackEndRefusal(
                code: "oauth2_failed",
                reason: reason,
                details: ["status": .number(JSONNumber(answer.status)), "error": word.map { .string($0) } ?? .null]
            )
        )
    }

    /// As in a form: only unreserved characters stand for themselves.
    private static func encoded(_ text: String) -> String {
        text.utf8.map { byte in
            let isPlain =
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                || "-._~".utf8.contains(byte)
            guard !isPlain else { return String(UnicodeScalar(byte)) }
            return "%" + String(byte >> 4, radix: 16, uppercase: true) + String(byte & 15, radix: 16, uppercase: true)
        }.joined()
    }
}
