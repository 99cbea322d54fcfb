import Contracts
import Crypto
import Foundation
import JSON
import NIOCore
import NIOPosix
import NIOSSL
import Projects
import Sequences

/// Sends mails for SMTP connectors, each by a connection of its own.
struct SMTPCaller: Sendable {
    typealias Call = BackEndCall<SMTPConnector, SMTPTransaction>

    let lanes: ConnectorLanes
    let addresses: AddressGuard
    private let transport = SMTPTransport()

    init(lanes: ConnectorLanes, addresses: AddressGuard) {
        self.lanes = lanes
        self.addresses = addresses
    }

    /// Sends the mail; answers `{"messageID", "recipients", "reply"}`.
    func run(_ call: Call) async throws(Failure) -> JSONValue {
        let connector = call.connector
        let message: MailMessage
        do throws(SequenceFailure) {
            message = try MailMessage(
                try call.transaction.variables.bind(call.variables),
                sender: connector.sender,
                id: Self.id(of: call.idempotencyKey),
                date: Date(),
                limit: connector.mailLimit
            )
        } catch {
            throw Failure(error, of: call.title)
        }
        let conversation = SMTPConversation(
            message,
            account: connector.account,
            clientName: Self.clientName,
            needsStartTLS: connector.startsTLS,
            isSecure: connector.security.mode != .none && !connector.startsTLS
        )
        return try await lanes.carryOut(call) { deadline throws(ExchangeFailure) in
            try await addresses.check(connector.host, connector.addresses, until: deadline)
            let isSent = SentMark()
            do {
                let reply = try await withDeadline(deadline) {
                    try await transport.hold(conversation, with: connector) { isSent.set() }
                }
                return [
                    "messageID": .string(message.id),
                    "recipients": .array(message.recipients.map { .string($0.address) }), "reply": .string(reply),
                ]
            } catch {
                throw ExchangeFailure(mail: error, isSent: isSent.isSet)
            }
        }
    }

    /// The same for every attempt at the same mail.
    private static func id(of key: String) -> String {
        SHA256.hash(data: Array(key.utf8)).prefix(16).map { ($0 < 16 ? "0" : "") + String($0, radix: 16) }.joined()
    }

    /// What this machine calls itself, or what RFC 5321 (section 4.1.3) has those say who have no name.
    private static let clientName: String = {
        let name = ProcessInfo.processInfo.hostName
        let isName =
            !name.isEmpty
            && name.utf8.allSatisfy { byte in
                (0x30...0x39).contains(byte) || (0x41...0x5A).contains(byte) || (0x61...0x7A).contains(byte)
                    || byte == UInt8(ascii: "-") || byte == UInt8(ascii: ".")
            }
        return isName ? name : "[127.0.0.1]"
    }()
}

extension ExchangeFailure {
    /// What kept a mail from being sent.
    fileprivate init(mail error: any Error, isSent: Bool) {
        switch error {
        case SMTPFailure.noReply where isSent:
            self = .connectionLost("what the mail server said of the mail is no reply")
        case let failure as SMTPFailure: self = .refused(BackEndRefusal(failure))
        case let failure as ExchangeFailure where failure == .timeout && !isSent:
            self = .connectFailed("the mail server did not answer in time")
        case let failure as ExchangeFailure: self = failure
        case is CancellationError: self = .cancelled
        case _ where isSent: self = .connectionLost("the mail server did not say whether it has the mail")
        case is NIOConnectionError: self = .connectFailed("no connection to the mail server can be made")
        case is NIOSSLError, is BoringSSLError:
            self = .connectFailed("the mail server does not prove by TLS that it is the one that is meant")
        default: self = .connectFailed("the mail server ended the connection")
        }
    }
}

extension BackEndRefusal {
    fileprivate init(_ failure: SMTPFailure) {
        switch failure {
        case .noReply(let reason):
            self.init(code: "mail_protocol", reason: "the mail server sent what is no reply: \(reason)")
        case .notOffered(let reason): self.init(code: "mail_not_offered", reason: reason)
        case .loginRefused(let reply):
            self.init(
                code: "mail_login_refused",
                reason: "the mail server does not take the connector's name and password",
                details: reply.json
            )
        case .refused(let reply, let command):
            self.init(
                code: "mail_refused",
                reason: "the mail server answered \(command) with \(reply.code)",
                details: reply.json
            )
        case .recipientsRefused(let refused):
            let members = refused.sorted { $0.key < $1.key }.map { ($0.key, $0.value.json) }
            self.init(
                code: "mail_recipients_refused",
                reason: "the mail server does not take \(refused.count) of the recipients, so it got no mail",
                details: ["recipients": .object(JSONObject(members))]
            )
        }
    }
}

extension SMTPReply {
    fileprivate var json: JSONValue { ["code": .number(JSONNumber(code)), "message": .string(text)] }
}
