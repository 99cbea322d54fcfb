import Contracts
import Foundation
import JSON
import Logging
import Messaging
import Projects
import Sequences
import ServiceLifecycle
import Telemetry

/// Carries out transactions of AMQP connectors: messages to a back end's broker, with and without a reply.
struct AMQPCaller: Service {
    typealias Call = BackEndCall<AMQPConnector, AMQPTransaction>

    /// How long a connection may take to be made, at most.
    private static let connectTimeout: Duration = .seconds(5)

    let lanes: ConnectorLanes
    let addresses: AddressGuard
    let files: PEMFiles
    let logger: Logger
    private let brokers = KeptClients<Way, BackEndBroker> { await $0.close() }

    init(lanes: ConnectorLanes, addresses: AddressGuard, files: PEMFiles, logger: Logger) {
        self.lanes = lanes
        self.addresses = addresses
        self.files = files
        self.logger = logger
    }

    /// How a connector reaches its broker.
    private struct Way: Hashable {
        let url: String
        /// Whether replies come, for which there is a queue.
        let hasReplies: Bool
        let addresses: AddressRules
    }

    /// What came of the message: `{"published": true}` when the broker has it, `{"body", "headers"}` of a reply.
    func run(_ call: Call) async throws(Failure) -> JSONValue {
        let filled: AMQPTransaction.Filled
        do {
            filled = try call.transaction.filled(with: call.variables)
        } catch {
            throw Failure(error, of: call.title)
        }
        let message = message(filled, of: call)
        return try await lanes.carryOut(call) { deadline throws(ExchangeFailure) in
            try await addresses.check(call.connector.place.host, call.connector.addresses, until: deadline)
            let broker = try broker(of: call)
            let timeLeft = ContinuousClock.now.duration(to: deadline)
            do throws(MessagingError) {
                // Before anything is sent, so that a broker that is not there is certain to have got nothing.
                try await broker.broker.waitUntilConnected(within: min(Self.connectTimeout, max(.zero, timeLeft)))
            } catch {
                throw ExchangeFailure(connecting: error)
            }
            return try await send(message, of: call, to: broker, until: deadline)
        }
    }

    private func send(
        _ message: OutgoingMessage,
        of call: Call,
        to broker: BackEndBroker,
        until deadline: ContinuousClock.Instant
    ) async throws(ExchangeFailure) -> JSONValue {
        do {
            switch call.transaction.purpose {
            case .publish:
                try await withDeadline(deadline) { try await broker.broker.publish(message) }
                return ["published": true]
            case .request(let form):
                guard let requests = broker.requests else { throw ExchangeFailure.cancelled }
                let timeout = ContinuousClock.now.duration(to: deadline)
                let reply = try await requests.request(message, timeout: max(.milliseconds(1), timeout))
                return try Self.answer(reply, form)
            }
        } catch {
            throw ExchangeFailure(sending: error)
        }
    }

    private func message(_ filled: AMQPTransaction.Filled, of call: Call) -> OutgoingMessage {
        var headers: [String: HeaderValue] = [:]
        for header in filled.headers { headers[header.name] = .string(header.value) }
        let trace = TraceContext.current?.makeChild() ?? .makeRoot()
        headers[HeaderName.traceparent] = headers[HeaderName.traceparent] ?? .string(trace.traceparent)
        var isMandatory = true
        if case .publish(let mandatory) = call.transaction.purpose { isMandatory = mandatory }
        return OutgoingMessage(
            exchange: call.transaction.exchange,
            routingKey: filled.routingKey,
            body: filled.body,
            contentType: filled.contentType,
            messageID: OutgoingMessage.messageID(call.idempotencyKey),
            headers: headers,
            isPersistent: call.transaction.isPersistent,
            isMandatory: isMandatory
        )
    }

    private static func answer(
        _ reply: IncomingMessage,
        _ form: AMQPTransaction.AnswerForm
    ) throws(ExchangeFailure) -> JSONValue {
        let body: JSONValue
        switch form {
        case .base64: body = .string(Data(reply.body).base64EncodedString())
        case .text:
            guard let text = String(validating: reply.body, as: UTF8.self) else { throw .notText }
            body = .string(text)
        case .json:
            do {
                body = reply.body.isEmpty ? .null : try JSONValue(parsing: reply.body)
            } catch {
                throw .notJSON("\(error)")
            }
        }
        let headers = reply.headers.sorted { $0.key < $1.key }.compactMap { name, value -> (String, JSONValue)? in
            guard case .string(let text) = value else { return nil }
            return (name, .string(text))
        }
        return ["body": body, "headers": .object(JSONObject(headers))]
    }

    // MARK: Connections

    private func broker(of call: Call) throws(ExchangeFailure) -> BackEndBroker {
        let hasReplies = call.connector.transactions.values.contains { transaction in
            if case .request = transaction.purpose { true } else { false }
        }
        let way = Way(
            url: try address(of: call.connector.place),
            hasReplies: hasReplies,
            addresses: call.connector.addresses
        )
        return try brokers.client(of: call.name, for: way) { () throws(ExchangeFailure) in
            do throws(MessagingError) {
                var configuration = try MessagingConfiguration(url: way.url)
                configuration.connectionName = "full-sync \(call.name.project).\(call.name.connector)"
                configuration.connectTimeout = Self.connectTimeout
                // The name is looked up again whenever the connection is made anew.
                configuration.allowsAddress = AddressGuard.test(way.addresses)
                return BackEndBroker(configuration, hasReplies: hasReplies, logger: logger)
            } catch {
                throw .connectFailed("its address is not usable")
            }
        }
    }

    private func address(of place: AMQPPlace) throws(ExchangeFailure) -> String {
        var query = ""
        switch place.security.mode {
        case .none: break
        case .encrypt: query = "?verify=verify_none"
        case .verify:
            if let text = place.security.certificateAuthority {
                query = "?cacertfile=" + Self.encoded(try files.path(of: text))
            }
        }
        let host = place.host.contains(":") ? "[\(place.host)]" : place.host
        return (place.security.mode == .none ? "amqp" : "amqps") + "://\(Self.encoded(place.user)):"
            + "\(Self.encoded(place.password))@\(host):\(place.port)/\(Self.encoded(place.virtualHost))\(query)"
    }

    private static func encoded(_ text: String) -> String {
        text.addingPercentEncoding(withAllowedCharacters: CharacterSet(charactersIn: plain)) ?? ""
    }

    private static let plain = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_."

    /// Keeps the connections until the process ends.
    func run() async throws {
        try? await gracefulShutdown()
        await close()
    }

    func close() async { await brokers.closeAll() }
}

/// A back end's broker, connected as long as it is kept.
final class BackEndBroker: Sendable {
    let broker: MessageBroker
    /// Where replies come to; nil when none do.
    let requests: RequestClient?
    private let tasks: [Task<Void, any Error>]

    init(_ configuration: MessagingConfiguration, hasReplies: Bool, logger: Logger) {
        // What there is at a back end's broker is the back end's to declare.
        let broker = MessageBroker(configuration, topology: Topology(), logger: logger)
        let requests = hasReplies ? RequestClient(broker) : nil
        self.broker = broker
        self.requests = requests
        tasks = [Task { try await broker.run() }, Task { try await requests?.run() }]
    }

    func close() async {
        for task in tasks { task.cancel() }
        for task in tasks { _ = await task.result }
    }
}

extension ExchangeFailure {
    /// What an error of a broker means before anything was sent.
    fileprivate init(connecting error: MessagingError) {
        switch error {
        case .accessRefused:
            self = .refused(
                BackEndRefusal(code: "amqp_login_failed", reason: "the broker refuses the user or the virtual host")
            )
        case .cancelled, .closed: self = .cancelled
        default: self = .connectFailed("no connection to the broker (\(error.code))")
        }
    }

    /// What an error of a broker means once a message may have been sent.
    fileprivate init(sending error: any Error) {
        switch error {
        case let failure as ExchangeFailure: self = failure
        case let error as MessagingError: self = Self.meaning(of: error)
        default: self = .cancelled
        }
    }

    private static func meaning(of error: MessagingError) -> ExchangeFailure {
        switch error {
        case .unroutable:
            .refused(BackEndRefusal(code: "unroutable", reason: "no queue of the back end takes the message"))
        case .invalidMessage:
            .refused(BackEndRefusal(code: "invalid_value", reason: "the message is too large, or its headers are"))
        case .channelClosed(let code, let text):
            .refused(
                BackEndRefusal(
                    code: "amqp_error",
                    reason: "the broker refuses the message (\(code))",
                    details: ["code": .number(JSONNumber(code)), "message": .string(text)]
                )
            )
        case .notAccepted:
            .refused(BackEndRefusal(code: "not_accepted", reason: "the broker could not keep the message"))
        case .notSent: .connectFailed("the broker took no message in time")
        case .timedOut, .blocked: .timeout
        case .cancelled, .closed: .cancelled
        default: .connectionLost("the connection to the broker broke")
        }
    }
}
