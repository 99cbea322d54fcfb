package import Sequences

/// A mail server, by which a project sends mails.
package struct SMTPConnector: Sendable {
    package var host: String
    package var port: Int
    package var security: ConnectionSecurity
    /// Whether TLS begins within the conversation, as it must then, rather than with the first byte.
    package var startsTLS: Bool
    package var account: SMTPAccount?
    /// Who sends mails that name nobody.
    package var sender: MailAddress?
    package var timeout: Duration
    /// How many bytes a mail may have, with its headers and in its encoding.
    package var mailLimit: Int
    package var concurrency: Int
    package var addresses: AddressRules

    package static let defaultTimeout = Duration.seconds(30)
    package static let longestTimeout = Duration.seconds(600)
    package static let defaultMailLimit = 25 << 20
    package static let largestMailLimit = 100 << 20
    package static let defaultConcurrency = 4

    /// The transactions, of which there is one.
    package var transactions: [String: SMTPTransaction] { [SMTPTransaction.name: SMTPTransaction()] }
}

/// The name and password of a connector at its mail server.
package struct SMTPAccount: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    package let user: String
    package let password: String

    package var description: String { user }

    package var customMirror: Mirror { Mirror(self, children: ["user": user]) }
}

/// Sending a mail, which every connector of type `smtp` can.
package struct SMTPTransaction: Sendable {
    package static let name = "send"

    package var name: String { Self.name }
    /// That of the connector.
    package var timeout: Duration? { nil }
    /// Nobody wants a mail twice.
    package var isIdempotent: Bool { false }

    /// What a mail is made of.
    package var variables: [VariableDefinition] {
        [
            VariableDefinition(name: "to", type: .string, isMulti: true),
            VariableDefinition(name: "cc", type: .string, isMulti: true),
            VariableDefinition(name: "bcc", type: .string, isMulti: true),
            VariableDefinition(name: "replyTo", type: .string, isMulti: true),
            VariableDefinition(name: "from", type: .string),
            VariableDefinition(name: "subject", type: .string),
            VariableDefinition(name: "text", type: .string),
            VariableDefinition(name: "html", type: .string),
            // Each with a `name`, a `contentType`, and one of `base64` and `text`.
            VariableDefinition(name: "attachments", type: .object, isMulti: true),
            VariableDefinition(name: "headers", type: .object),
        ]
    }
}
