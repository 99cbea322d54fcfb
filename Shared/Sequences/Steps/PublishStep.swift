package import JSON

/// `publish: {exchange: …, routingKey: …, message: …, headers: {…}, mandatory: false}`: publishes a message on
/// RabbitMQ, and goes on when the broker has it.
///
/// A text is sent as it is, anything else as JSON. With `mandatory` it fails when no queue takes the message. A run
/// that is repeated may publish again, with the same message id.
struct PublishStep: StepAction {
    static let keyword = "publish"

    /// The exchange, the routing key, the message and the headers.
    let parts: Template
    let isMandatory: Bool

    init?(reading members: inout StepMembers) {
        let node = members.value()
        guard var reader = SourceMembers(node, subject: "'publish'", problems: members.problems) else { return nil }
        let exchange = reader.take("exchange")
        let routingKey = reader.take("routingKey")
        let message = reader.take("message")
        let headers = reader.take("headers")
        isMandatory = reader.flag("mandatory", default: false)
        if exchange == nil { reader.reportMissing("exchange", expected: "an exchange of the broker") }
        if message == nil { reader.reportMissing("message", expected: "what is sent") }
        reader.finish()
        guard let exchange, let message else { return nil }
        if let name = exchange.node.string, !name.hasPrefix("="), !PublishedMessage.mayPublish(to: name) {
            members.problems.report(PublishedMessage.reservedReason(name), at: exchange.node.position)
            return nil
        }
        parts = .list([
            Template(exchange.node), routingKey.map { Template($0.node) } ?? .literal(""), Template(message.node),
            headers.map { Template($0.node) } ?? .literal([:]),
        ])
    }

    var scripts: [Script] { parts.scripts }
    var hasEffect: Bool { true }

    func run(at site: StepSite, in frame: inout Frame, of execution: Execution) async throws -> Flow {
        let parts = try await execution.evaluate(parts, at: site, in: frame).arrayValue ?? []
        guard parts.count == 4 else { return .next }
        let exchange = try parts[0].text(for: "'exchange'")
        guard PublishedMessage.mayPublish(to: exchange) else {
            throw SequenceFailure(code: .invalidValue, message: PublishedMessage.reservedReason(exchange))
        }
        let message = PublishedMessage(
            exchange: exchange,
            routingKey: try parts[1].text(for: "'routingKey'"),
            content: parts[2],
            headers: try Self.headers(parts[3]),
            isMandatory: isMandatory
        )
        try await execution.effects.publish(message, at: execution.callSite(site, in: frame))
        return .next
    }

    private static func headers(_ value: JSONValue) throws(SequenceFailure) -> [String: String] {
        guard let members = value.objectValue else {
            throw SequenceFailure(code: .invalidValue, message: "'headers' needs an object of texts")
        }
        var headers: [String: String] = [:]
        for (name, value) in members { headers[name] = try value.text(for: "the header '\(name)'") }
        return headers
    }
}

/// A message that a sequence publishes.
package struct PublishedMessage: Sendable, Hashable {
    package let exchange: String
    package let routingKey: String
    /// A text is sent as it is, anything else as JSON.
    package let content: JSONValue
    package let headers: [String: String]
    /// Whether it is an error when no queue takes it.
    package let isMandatory: Bool

    /// Whether projects may publish there: the default exchange reaches every queue, and this system's own exchanges
    /// carry what only its services say.
    package static func mayPublish(to exchange: String) -> Bool {
        !exchange.isEmpty && !exchange.beginsExactly(with: "fullsync.")
    }

    static func reservedReason(_ exchange: String) -> String {
        "a project cannot publish to the exchange '\(exchange)': it needs a name, and fullsync.… are the system's own"
    }
}
