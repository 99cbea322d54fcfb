import JSON
import Sequences

extension ProjectReader {
    /// Reads the members of a connector of type `amqp`.
    func readAMQPConnector(_ members: inout SourceMembers) -> AMQPConnector? {
        let host = members.host(required: "where the broker answers, like rabbitmq.example.com")
        let security = members.security()
        let port = members.integer("port", in: 1...65_535, default: security.mode == .none ? 5_672 : 5_671)
        let virtualHost = members.text("virtualHost") ?? "/"
        let user = members.text("user", required: "who connects")
        let password = readSecret("password", required: "the user's password, from a secret symbol", &members)
        let timeout = members.duration(
            "timeout",
            atMost: AMQPConnector.longestTimeout,
            default: AMQPConnector.defaultTimeout
        )
        let concurrency = members.integer("concurrency", in: 1...1_000, default: AMQPConnector.defaultConcurrency)
        let addresses = members.addresses()
        let problems = problems
        let transactions = members.transactions(expected: "name: {publish: {exchange, routingKey, json}}") { member in
            AMQPTransaction(reading: member, problems: problems)
        }
        guard let host, let user, let password else { return nil }
        return AMQPConnector(
            place: AMQPPlace(
                host: host,
                port: port,
                virtualHost: virtualHost,
                user: user,
                password: password,
                security: security
            ),
            timeout: timeout,
            concurrency: concurrency,
            addresses: addresses,
            transactions: transactions
        )
    }
}

extension AMQPTransaction {
    /// Reads one of an AMQP connector's `transactions`.
    init?(reading member: SourceMember, problems: ProblemCollector) {
        guard var members = SourceMembers(member.node, subject: "a transaction", problems: problems) else { return nil }
        let problemsBefore = problems.problems.count
        name = member.name
        position = member.position
        description = members.text("description")
        let timeout = members.duration("timeout", atMost: AMQPConnector.longestTimeout, default: .zero)
        self.timeout = timeout == .zero ? nil : timeout
        isIdempotent = members.flag("idempotent", default: false)
        let publish = members.take("publish")?.node
        let request = members.take("request")?.node
        if publish != nil, let request {
            problems.report("'publish' and 'request' exclude each other", at: request.position)
        } else if publish == nil, request == nil {
            members.reportMissing("publish", expected: "what is sent, or 'request': what is sent and answered")
        }
        var message: Message?
        if let publish { message = Message(reading: publish, isRequest: false, problems: problems) }
        if let request { message = Message(reading: request, isRequest: true, problems: problems) }
        guard let message else {
            _ = members.variables()
            members.finish()
            return nil
        }
        purpose = message.purpose
        exchange = message.exchange
        routingKey = message.routingKey
        headers = message.headers
        body = message.body
        isPersistent = message.isPersistent
        // What follows from a problem that is reported is no problem of its own.
        guard problems.problems.count == problemsBefore else {
            variables = members.variables() ?? []
            members.finish()
            return
        }
        variables = members.variables(
            for: routingKey.variables + headers.flatMap(\.value.variables) + body.variables,
            required: Set(routingKey.variables),
            of: name,
            at: position
        )
        members.finish()
    }
}

/// What `publish` and `request` say.
private struct Message {
    let purpose: AMQPTransaction.Purpose
    let exchange: String
    let routingKey: PlaceholderText
    let headers: [HTTPField]
    let body: AMQPTransaction.Body
    let isPersistent: Bool

    init?(reading node: SourceNode, isRequest: Bool, problems: ProblemCollector) {
        let subject = isRequest ? "'request'" : "'publish'"
        guard var reader = SourceMembers(node, subject: subject, problems: problems) else { return nil }
        exchange = reader.text("exchange") ?? ""
        let key = reader.text("routingKey", required: "the routing key, which may hold placeholders")
        routingKey = PlaceholderText(key ?? "")
        headers = reader.fields("headers")
        isPersistent = reader.flag("persistent", default: !isRequest)
        body = reader.messageBody()
        purpose =
            isRequest
            ? .request(reader.choice("answer", default: AMQPTransaction.AnswerForm.json))
            : .publish(isMandatory: reader.flag("mandatory", default: true))
        if exchange.utf8.count > 255 {
            problems.report("'exchange' has more than 255 bytes", at: reader.position(of: "exchange"))
        }
        reader.finish()
    }
}

extension SourceMembers {
    /// Reads `json` or `text`, of which a message has one.
    fileprivate mutating func messageBody() -> AMQPTransaction.Body {
        let json = take("json")
        let text = self.text("text")
        let contentType = self.text("contentType")
        if json != nil, text != nil {
            problems.report("'json' and 'text' exclude each other", at: position(of: "text"))
        } else if json == nil, text == nil {
            reportMissing("json", expected: "the body, or 'text'")
        }
        if contentType != nil, text == nil {
            problems.report("'contentType' goes with 'text' only", at: position(of: "contentType"))
        }
        if let text { return .text(PlaceholderText(text), contentType: contentType ?? "text/plain; charset=utf-8") }
        return .json(JSONTemplate(json?.node.json ?? .null))
    }
}
