import Contracts
import ControlStore
import CouchProtocol
import DocumentStore
import Foundation
import HTTPTypes
import Hummingbird
import JSON
import Messaging
import NIOCore
import Projects
import Schedules
import Sequences
import ServiceRuntime
import XML

/// `POST /_fullsync/projects/<project>/sequences/<sequence>`: runs a sequence and answers its JSON, or XML.
struct SequenceResource: Sendable {
    let catalogue: ProjectCatalogue
    let sequences: SequenceCaller
    let store: DocumentStore
    let broker: MessageBroker
    let hangUps: HangUps
    let underWay: CallsUnderWay
    let cache = AnswerCache()

    /// The answer; also what this server refuses itself is in the form that the caller wants.
    func respond(to exchange: Exchange, project: String, name: String) async throws -> Response {
        guard exchange.method == .post else { throw exchange.methodNotAllowed("POST") }
        let format = AnswerFormat(accept: exchange.request.headers[.accept])
        do {
            return try await respond(to: exchange, project: project, name: name, in: format)
        } catch let error as CouchError where format != .json {
            return format.response(
                ["error": .string(error.error), "reason": .string(error.reason)],
                root: "failure",
                status: HTTPResponse.Status(code: error.status),
                headers: [:]
            )
        }
    }

    private func respond(
        to exchange: Exchange,
        project: String,
        name: String,
        in format: AnswerFormat
    ) async throws -> Response {
        let principal = exchange.principal
        // A private sequence is not there, for all but administrators.
        guard let live = catalogue.current[project], let definition = live.project.sequences[name],
            definition.access != .private || principal.isAdministrator
        else { throw CouchError.notFound("There is no sequence '\(name)' in a project '\(project)'.") }
        let identity = try await identity(of: exchange)
        if definition.requiresAuthenticatedUser, principal.name == nil {
            throw CouchError.unauthorized("The sequence needs an authenticated user.")
        }
        if definition.requiresSecureConnection, !exchange.client.isSecure {
            throw CouchError.forbidden("The sequence is called over TLS only.")
        }
        let variables = try await exchange.variables()
        guard let caching = definition.caching else {
            let call = Call(definition: definition, variables: variables, identity: identity, request: exchange.told)
            return response(to: try await answer(call, exchange), format, for: principal)
        }
        let key = AnswerCache.Key(
            caching,
            definition,
            version: live.version,
            variables: variables,
            caller: identity
        )
        if let entry = cache.entry(for: key, at: .now) { return response(from: entry, format) }
        // It knows nothing of the request, by which calls are not told apart.
        let call = Call(definition: definition, variables: variables, identity: identity, request: [:])
        let answer = try await answer(call, exchange)
        let lifetime = caching.lifetime(from: Timestamp(seconds: Int(Date.now.timeIntervalSince1970)))
        if case .succeeded(let value, _, let head) = answer.outcome, let lifetime {
            let now = ContinuousClock.now
            let entry = AnswerCache.Entry(
                body: value,
                head: head,
                run: answer.run,
                made: now,
                until: now + lifetime
            )
            cache.keep(entry, for: key)
        }
        return response(to: answer, format, for: principal)
    }

    // MARK: - Who calls

    /// Whom the sequence runs for: the caller, or whom an administrator names.
    private func identity(of exchange: Exchange) async throws -> CallerIdentity {
        let principal = exchange.principal
        guard let user = exchange.request.headers[HTTPHeader.actingAs] else {
            return CallerIdentity(
                user: principal.isAdministrator ? nil : principal.name,
                groups: principal.groups.sortedTexts,
                isAdministrator: principal.isAdministrator,
                session: principal.session?.id.uuidString.lowercased()
            )
        }
        try exchange.requireAdministrator()
        guard let user = user.removingPercentEncoding, UserName.isUsable(user) else {
            throw CouchError.badRequest("The header X-FullSync-As names no user.")
        }
        let groups = exchange.request.headers[HTTPHeader.actingGroups].map { text in
            text.split(separator: ",").map { String($0).removingPercentEncoding ?? String($0) }
        }
        if let groups { return CallerIdentity(user: user, groups: groups.sorted()) }
        return CallerIdentity(user: user, groups: try await store.groups(of: user).sortedTexts)
    }

    // MARK: - Calling

    /// A call whose caller may make it.
    private struct Call: Sendable {
        let definition: SequenceDefinition
        let variables: JSONObject
        let identity: CallerIdentity
        let request: JSONObject
    }

    private func answer(_ call: Call, _ exchange: Exchange) async throws -> SequenceAnswer {
        do {
            return try await underWay.counting(exchange) {
                let run = RunID.next()
                return switch call.definition.departure {
                case .continue: try await answer(call, run)
                case .cancel: try await answer(call, run, heeding: exchange.channel)
                }
            }
        } catch MessagingError.timedOut {
            throw CouchError(status: 504, error: "timeout", reason: "No worker answered in time.")
        } catch MessagingError.invalidMessage(let reason) {
            throw CouchError(status: 413, error: "too_large", reason: "The call cannot be sent to a worker: \(reason).")
        } catch let error as MessagingError {
            throw CouchError.unavailable("No worker answered: \(error).")
        }
    }

    /// How much longer than the sequence's time its answer is waited for: that time begins at the worker.
    private static let grace = Duration.seconds(5)
    /// How long it is tried to tell workers that a client has hung up.
    private static let departureLimit = Duration.seconds(30)

    private func answer(_ call: Call, _ run: String) async throws -> SequenceAnswer {
        try await sequences.call(
            call.definition.name,
            of: call.definition.project,
            variables: call.variables,
            identity: call.identity,
            cause: .call,
            run: run,
            request: call.request,
            timeout: call.definition.timeout + Self.grace
        )
    }

    /// Calls, and has the run cancelled when the client hangs up before there is an answer.
    private func answer(_ call: Call, _ run: String, heeding channel: any Channel) async throws -> SequenceAnswer {
        let departure = ClientDeparture()
        hangUps.watch(channel, for: departure)
        defer { hangUps.forget(channel, departure) }
        return try await withThrowingTaskGroup(of: SequenceAnswer?.self) { group in
            group.addTask { try await answer(call, run) }
            group.addTask {
                await departure.wait()
                return nil
            }
            defer { group.cancelAll() }
            if let first = try await group.next(), let answer = first { return answer }
            // The run is nobody's but the worker's, who learns it in no other way; and nobody waits for this any more.
            try await broker.announce(.cancelled(run: run, claim: nil), within: Self.departureLimit)
            throw CouchError.unavailable("The client has hung up.")
        }
    }

    // MARK: - Answering

    private func response(from entry: AnswerCache.Entry, _ format: AnswerFormat) -> Response {
        var headers = Self.headers(entry.head, run: entry.run)
        headers[.age] = String(Int((ContinuousClock.now - entry.made).seconds))
        return format.response(entry.body, root: "answer", status: Self.status(entry.head), headers: headers)
    }

    private func response(to answer: SequenceAnswer, _ format: AnswerFormat, for principal: Principal) -> Response {
        switch answer.outcome {
        case .succeeded(let value, _, let head):
            return format.response(
                value,
                root: "answer",
                status: Self.status(head),
                headers: Self.headers(head, run: answer.run)
            )
        case .failed(let failure):
            return format.response(
                [
                    "error": .string(failure.code), "reason": .string(failure.message),
                    "details": principal.isAdministrator ? failure.details : failure.publicDetails,
                    "run": .string(answer.run),
                ],
                root: "failure",
                status: Self.status(of: failure),
                headers: [HTTPHeader.run: answer.run]
            )
        }
    }

    private static func headers(_ head: AnswerHead, run: String) -> HTTPFields {
        var headers: HTTPFields = [HTTPHeader.run: run]
        for (name, value) in head.headers {
            guard let field = HTTPField.Name(name), let text = value.stringValue else { continue }
            headers[field] = text
        }
        return headers
    }

    private static func status(_ head: AnswerHead) -> HTTPResponse.Status {
        head.status.map { HTTPResponse.Status(code: $0) } ?? .ok
    }

    /// What the caller did wrong is 4xx, what went wrong behind is 5xx.
    private static func status(of failure: Failure) -> HTTPResponse.Status {
        switch failure.code {
        case "invalid_variable": .badRequest
        case "unauthenticated", "unauthorized": .unauthorized
        case "forbidden": .forbidden
        case "not_found": .notFound
        case "timeout", "no_answer": .gatewayTimeout
        default: .badGateway
        }
    }
}

extension Exchange {
    /// The body as the variables of a call: a JSON object, or nothing.
    ///
    /// A form, XML and whatever else says that it is no JSON, and is none, is refused by that name. What says so and is
    /// JSON all the same is read: simple clients call all that they send a form.
    fileprivate func variables() async throws -> JSONObject {
        do {
            return try await object()
        } catch let error as CouchError where error.status == 400 {
            guard let text = request.headers[.contentType], !Self.mayBeJSON(text) else { throw error }
            throw CouchError.badContentType("Content-Type must be application/json")
        }
    }

    private static func mayBeJSON(_ contentType: String) -> Bool {
        let type = contentType.prefix { $0 != ";" }.trimmingCharacters(in: .whitespaces).lowercased()
        return ["", "application/json", "text/json", "text/plain"].contains(type) || type.hasSuffix("+json")
    }

    /// Headers that a sequence never sees: they are the caller's secrets, or this server's business.
    private static let hiddenHeaders: Set<String> = [
        "authorization", "cookie", "proxy-authorization", "connection", "content-length", "expect", "host",
        "transfer-encoding",
    ]

    /// What the sequence is told of the request: its `headers` by their names in small letters, and the client's
    /// `address`.
    fileprivate var told: JSONObject {
        var headers = JSONObject()
        for field in request.headers {
            let name = field.name.rawName.lowercased()
            guard !Self.hiddenHeaders.contains(name) else { continue }
            headers[name] = .string(headers[name]?.stringValue.map { "\($0), \(field.value)" } ?? field.value)
        }
        return ["headers": .object(headers), "address": client.addressText.map(JSONValue.string) ?? .null]
    }
}
