import Contracts
import ControlStore
import DocumentStore
import Foundation
import Messaging
import Postgres
import ScriptHosting
import ServiceLifecycle
import ServiceRuntime
import Settings

/// Puts the service together.
enum Composition {
    static func compose(_ context: ServiceContext) async throws -> [any Service] {
        let settings = context.settings
        let logger = context.logger
        let subscription = ControlEvents.Subscription()
        let broker = try context.makeBroker(topology: .shared + subscription.topology)
        let control = ControlStore(context.postgres, logger: logger)
        let store = DocumentStore(context.postgres, logger: logger)
        try await context.postgres.migrate(DocumentStore.migrations, component: "documents")
        try await context.postgres.migrate(ControlStore.migrations, component: "control")
        let catalogue = ProjectCatalogue(control, symbols: context.symbol(named:), logger: logger)
        let requests = RequestClient(broker)
        let scripts = ScriptHostPool(
            executable: try settings[WorkerSettings.scriptHost] ?? siblingExecutable("script-host"),
            hosts: try settings[WorkerSettings.scriptHosts],
            limits: ScriptLimits(),
            logger: logger
        )
        let claims = ClaimKeeper(
            control: control,
            worker: "\(ProcessInfo.processInfo.hostName)/\(ProcessInfo.processInfo.processIdentifier)/\(RunID.next())",
            lease: try settings[WorkerSettings.lease],
            logger: logger
        )
        let runner = SequenceRunner(
            catalogue: catalogue,
            store: store,
            control: control,
            scripts: scripts,
            connectors: ConnectorCaller(requests: requests, control: control),
            logger: logger
        )
        let policy = try retryPolicy(settings)
        let concurrency = try settings[WorkerSettings.concurrency]
        return [
            Foreground { try await requests.run() },
            Foreground { await scripts.run() },
            Foreground { try await catalogue.run() },
            ControlEvents(subscription, broker: broker, logger: logger) { event in
                if event == .projects { catalogue.poke() }
            },
            claims,
            RunSweeper(
                broker: broker,
                control: control,
                retention: try settings[WorkerSettings.retention],
                logger: logger
            ),
            RunConsumer(
                broker: broker,
                control: control,
                catalogue: catalogue,
                runner: runner,
                policy: policy,
                claims: claims,
                concurrency: concurrency,
                logger: logger
            ),
            CallConsumer(
                broker: broker,
                control: control,
                catalogue: catalogue,
                runner: runner,
                claims: claims,
                concurrency: concurrency,
                logger: logger
            ),
        ]
    }

    private static func retryPolicy(_ settings: SettingReader) throws -> RetryPolicy {
        var policy = RetryPolicy()
        policy.attempts = try settings[WorkerSettings.attempts]
        policy.greatestDelay = try settings[WorkerSettings.greatestDelay]
        return policy
    }
}
