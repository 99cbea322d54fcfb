import Contracts
import ControlStore
import Foundation
import Postgres
import ProjectRuntime
import ServiceLifecycle
import ServiceRuntime
import Settings

/// What can be set of a back-end connector.
enum ConnectorSettings {
    static let concurrency = Setting(
        "connector.concurrency",
        .int(1...10_000),
        default: 128,
        "How many transactions are under way at once, over all connectors."
    )
    static let breakerFailures = Setting(
        "connector.breakerFailures",
        .int(1...1_000),
        default: 5,
        "After how many failures in a row a connector's calls are refused for a while."
    )
    static let breakerPause = Setting(
        "connector.breakerPause",
        .duration(.milliseconds(100) ... .seconds(600)),
        default: .seconds(2),
        "How long they are refused at first; it doubles up to a minute while the back end stays away."
    )
    static let notificationConcurrency = Setting(
        "connector.notificationConcurrency",
        .int(1...1_000),
        default: 32,
        "How many notifications are taken in at once."
    )

    static let all: [any SettingDeclaration] = [
        concurrency, breakerFailures, breakerPause, notificationConcurrency,
    ]
}

extension ServiceDescription {
    static let backEndConnector = ServiceDescription(
        name: "back-end-connector",
        summary: """
            Carries out transactions of connectors for running sequences, and starts the sequences of back ends' \
            notifications. Any number may run: they share the work.
            """,
        needs: [.postgres, .amqp],
        settings: ConnectorSettings.all
    )
}

/// Puts the service together.
enum Composition {
    static func compose(_ context: ServiceContext) async throws -> [any Service] {
        let settings = context.settings
        let logger = context.logger
        let runtime = try await ProjectRuntime(context)
        let (broker, control, catalogue) = (runtime.broker, runtime.control, runtime.catalogue)
        try await context.postgres.migrate(ControlStore.callMigrations, component: "connector-calls")
        let transport = HTTPTransport()
        let breaker = CircuitBreaker.Policy(
            failures: try settings[ConnectorSettings.breakerFailures],
            pause: try settings[ConnectorSettings.breakerPause]
        )
        let calls = CallHandler(
            catalogue: catalogue,
            control: control,
            caller: HTTPCaller(transport: transport, lanes: ConnectorLanes(policy: breaker)),
            broker: broker,
            logger: logger
        )
        let intake = NotificationIntake(catalogue: catalogue, control: control, broker: broker, logger: logger)
        return runtime.services + [
            transport,
            CallLedgerCleaner(control: control, logger: logger),
            MessageConsumer(
                broker: broker,
                queue: QueueName.notifications,
                concurrency: try settings[ConnectorSettings.notificationConcurrency],
                handler: { delivery in await intake.take(delivery) }
            ),
            MessageConsumer(
                broker: broker,
                queue: QueueName.connectorCalls,
                concurrency: try settings[ConnectorSettings.concurrency],
                handler: { delivery in await calls.take(delivery) }
            ),
        ]
    }
}
