import Contracts
import ControlStore
import JSON
import Logging
import Messaging
import Metrics
import Postgres
import Projects
import Sequences
import ServiceRuntime
import Telemetry

/// Takes notifications of back ends: each becomes a run of the sequence that its project names, once per message id.
///
/// What cannot be understood, or written down, is kept in `fullsync.rejected` with the reason. The message is
/// acknowledged when the run is in PostgreSQL, or the copy is in that queue. While neither can be had it waits in hand:
/// messages that went back to their queue would use up their deliveries, and as long as they wait no more are taken
/// from the broker.
struct NotificationIntake: Sendable {
    /// The pauses between two tries while PostgreSQL does not answer: the first, and the longest.
    private static let firstPause = Duration.milliseconds(250)
    private static let longestPause = Duration.seconds(5)

    let catalogue: ProjectCatalogue
    let control: ControlStore
    let broker: MessageBroker
    let limits: NotificationLimits
    let logger: Logger

    func take(_ delivery: consuming Delivery) async {
        var pause = Self.firstPause
        while !Task.isCancelled {
            do {
                try await takeIn(delivery.message)
                return delivery.acknowledge()
            } catch {
                logger.warning("A notification could not be taken in and waits", error: error)
                try? await Task.sleep(for: pause)
                pause = min(pause * 2, Self.longestPause)
            }
        }
        delivery.giveBack()
    }

    private func takeIn(_ message: IncomingMessage) async throws {
        do {
            try await start(message)
            count(message, "accepted")
        } catch let rejection as BackEndNotification.Rejection {
            try await keep(message, reason: rejection.description)
            count(message, "rejected")
        }
    }

    /// Writes the run down and tells the workers.
    private func start(_ message: IncomingMessage) async throws {
        let notification = try BackEndNotification(message, limits: limits)
        let rule = try await rule(for: notification)
        try check(notification, against: rule)
        var run = NewRun(
            project: rule.sequence.project ?? notification.project,
            sequence: rule.sequence.sequence,
            cause: .notification,
            variables: notification.variables,
            traceID: (TraceContext.current ?? .makeRoot()).traceID
        )
        run.source = notification.name
        run.sourceProject = notification.project
        run.identity = CallerIdentity(user: rule.runAs)
        run.dedupeKey = notification.identity
        let line = RunLine(project: notification.project, cause: .notification, source: notification.name)
        for id in try await make(run) { await tellWorkers(of: id, line) }
    }

    /// Refuses members that the sequence cannot take: its run would fail, and nobody would look for it there.
    private func check(_ notification: BackEndNotification, against rule: NotificationRule) throws {
        let project = catalogue.current[rule.sequence.project ?? notification.project]?.project
        // One that is not there now may be there when the run begins.
        guard let sequence = project?.sequences[rule.sequence.sequence] else { return }
        do throws(SequenceFailure) {
            _ = try sequence.variables.bind(notification.variables, unknown: .ignored)
        } catch {
            throw BackEndNotification.Rejection("the sequence '\(sequence.name)' cannot take it: \(error.message)")
        }
    }

    private func make(_ run: NewRun) async throws -> [String] {
        do {
            return try await control.make(notified: run)
        } catch let error as PostgresError where error.refusesData {
            throw BackEndNotification.Rejection("it cannot be written down: \(error)")
        }
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
            throw BackEndNotification.Rejection("there is no project '\(notification.project)' that can be used")
        }
        throw BackEndNotification.Rejection(
            "the project '\(notification.project)' has no notification '\(notification.name)'"
        )
    }

    /// Says that a run is ready.
    ///
    /// Losing it costs a moment: workers look for runs that nobody told them of.
    private func tellWorkers(of run: String, _ line: RunLine) async {
        do {
            try await broker.tellWorkers(of: [run], line, traceparent: TraceContext.current?.makeChild().traceparent)
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
        try await RejectedMessages(broker).keep(message, reason: reason)
    }

    private func count(_ message: IncomingMessage, _ outcome: String) {
        // The routing key is a stranger's word: only that of a known project becomes a label.
        let project = message.routingKey.split(separator: ".").first.map(String.init) ?? ""
        let label = catalogue.current[project] == nil ? "" : project
        Counter(label: "notifications", dimensions: [("project", label), ("outcome", outcome)]).increment()
    }
}
