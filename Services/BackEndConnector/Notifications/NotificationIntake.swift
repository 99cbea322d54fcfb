import Contracts
import ControlStore
import JSON
import Logging
import Messaging
import Metrics
import Projects
import Sequences
import Telemetry

/// Takes notifications of back ends: each becomes a run of the sequence that its project names, once per message id.
///
/// What cannot be understood is kept in `fullsync.rejected` with the reason. The message is acknowledged when the run
/// is
/// in PostgreSQL, or the copy is in that queue.
struct NotificationIntake: Sendable {
    /// How long a message is held when PostgreSQL does not answer, before it is given back.
    private static let pause: Duration = .seconds(1)
    /// How much of a reason is kept, in characters.
    private static let maximumReason = 500

    let catalogue: ProjectCatalogue
    let control: ControlStore
    let broker: MessageBroker
    let logger: Logger

    func take(_ delivery: consuming Delivery) async {
        let message = delivery.message
        do {
            do {
                try await start(message)
                count(message, "accepted")
            } catch let rejection as BackEndNotification.Rejection {
                try await keep(message, reason: rejection.description)
                count(message, "rejected")
            }
            delivery.acknowledge()
        } catch {
            logger.warning("A notification could not be taken in and waits", error: error)
            try? await Task.sleep(for: Self.pause)
            delivery.giveBack()
        }
    }

    /// Writes the run down and tells the workers.
    private func start(_ message: IncomingMessage) async throws {
        let notification = try BackEndNotification(message)
        let rule = try await rule(for: notification)
        var run = NewRun(
            project: rule.sequence.project ?? notification.project,
            sequence: rule.sequence.sequence,
            cause: .notification,
            variables: notification.variables,
            traceID: (TraceContext.current ?? .makeRoot()).traceID
        )
        run.source = notification.name
        run.identity = CallerIdentity(user: rule.runAs)
        run.dedupeKey = notification.identity
        for id in try await control.make([run]) { await tellWorkers(of: id) }
    }

    /// The rule of the live project; one that has just been deployed is looked for before it is called unknown.
    private func rule(for notification: BackEndNotification) async throws -> NotificationRule {
        func known() -> NotificationRule? {
            catalogue.current[notification.project]?.project.notifications[notification.name]
        }
        if let rule = known() { return rule }
        try await catalogue.refresh()
        if let rule = known() { return rule }
        guard catalogue.current[notification.project] != nil else {
            throw BackEndNotification.Rejection("there is no project '\(notification.project)'")
        }
        throw BackEndNotification.Rejection(
            "the project '\(notification.project)' has no notification '\(notification.name)'"
        )
    }

    /// Says that a run is ready.
    ///
    /// Losing it costs a moment: workers look for runs that nobody told them of.
    private func tellWorkers(of run: String) async {
        do {
            try await broker.publish(
                OutgoingMessage(
                    exchange: ExchangeName.direct,
                    routingKey: QueueName.runs,
                    body: RunReady(run: run).body,
                    contentType: "application/json",
                    headers: traceHeader
                )
            )
        } catch {
            logger.info("Workers were not told of a run", metadata: ["run": "\(run)", "reason": "\(error.code)"])
        }
    }

    /// Keeps a copy of the message, with the reason, for a person to look at; returns when the broker has it.
    private func keep(_ message: IncomingMessage, reason: String) async throws {
        logger.warning(
            "A notification was rejected",
            metadata: ["routingKey": "\(message.routingKey)", "reason": "\(reason)"]
        )
        var headers = message.headers
        headers[HeaderName.reason] = .string(String(reason.prefix(Self.maximumReason)))
        headers[HeaderName.originalRoutingKey] = .string(message.routingKey)
        try await broker.publish(
            OutgoingMessage(
                exchange: ExchangeName.direct,
                routingKey: QueueName.rejected,
                body: message.body,
                contentType: message.contentType,
                messageID: message.messageID,
                headers: headers,
                isMandatory: true
            )
        )
    }

    private var traceHeader: [String: HeaderValue] {
        TraceContext.current.map { [HeaderName.traceparent: .string($0.makeChild().traceparent)] } ?? [:]
    }

    private func count(_ message: IncomingMessage, _ outcome: String) {
        // The routing key is a stranger's word: only that of a known project becomes a label.
        let project = message.routingKey.split(separator: ".").first.map(String.init) ?? ""
        let label = catalogue.current[project] == nil ? "" : project
        Counter(label: "notifications", dimensions: [("project", label), ("outcome", outcome)]).increment()
    }
}
