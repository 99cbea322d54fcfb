package import JSON
package import Sequences

/// A message broker of a back end.
package struct AMQPConnector: Sendable {
    package var place: AMQPPlace
    package var timeout: Duration
    package var concurrency: Int
    package var addresses: AddressRules
    package var transactions: [String: AMQPTransaction]

    package static let defaultTimeout = Duration.seconds(30)
    package static let longestTimeout = Duration.seconds(600)
    package static let defaultConcurrency = 16
}

/// Where a broker is, and who connects.
///
/// Its descriptions show no password.
package struct AMQPPlace: Sendable, Hashable, CustomStringConvertible, CustomReflectable {
    package var host: String
    package var port: Int
    package var virtualHost: String
    package var user: String
    package var password: String
    package var security: ConnectionSecurity

    package var description: String { "\(host):\(port)/\(virtualHost)" }

    package var customMirror: Mirror { Mirror(self, children: ["place": description]) }
}

/// One kind of message that a connector can send.
package struct AMQPTransaction: Sendable {
    /// What is sent.
    package enum Body: Sendable {
        case json(JSONTemplate)
        case text(PlaceholderText, contentType: String)

        var variables: [String] {
            switch self {
            case .json(let template): template.variables
            case .text(let text, _): text.variables
            }
        }
    }

    /// How the reply's body is read.
    package enum AnswerForm: String, Sendable, Hashable, CaseIterable {
        case json
        case text
        case base64
    }

    /// What happens after it is sent.
    package enum Purpose: Sendable, Hashable {
        /// Over when the broker has it; whether that must be in a queue.
        case publish(isMandatory: Bool)
        /// Over when somebody has replied.
        case request(AnswerForm)
    }

    package let name: String
    package var description: String?
    package var purpose: Purpose
    package var exchange: String
    package var routingKey: PlaceholderText
    package var headers: [HTTPField]
    package var body: Body
    package var isPersistent: Bool
    package var variables: [VariableDefinition]
    /// Whether it may be repeated when nobody knows what became of it.
    package var isIdempotent: Bool
    package var timeout: Duration?
    package var position: SourcePosition

    /// A message with its values.
    package struct Filled: Sendable {
        package let routingKey: String
        package let headers: [(name: String, value: String)]
        package let body: [UInt8]
        package let contentType: String
    }

    /// The message with the values in their places.
    package func filled(with given: JSONObject) throws(SequenceFailure) -> Filled {
        let values = try variables.bind(given)
        let key = try routingKey.filled(with: values)
        guard key.utf8.count <= 255 else {
            throw SequenceFailure(code: .invalidValue, message: "the routing key has more than 255 bytes")
        }
        var filled: [(name: String, value: String)] = []
        for header in headers {
            filled.append((header.name, try header.value.filled(with: values)))
        }
        switch body {
        case .json(let template):
            let bytes = try template.filled(with: values).bytes
            return Filled(routingKey: key, headers: filled, body: bytes, contentType: "application/json")
        case .text(let text, let contentType):
            let bytes = Array(try text.filled(with: values).utf8)
            return Filled(routingKey: key, headers: filled, body: bytes, contentType: contentType)
        }
    }
}
