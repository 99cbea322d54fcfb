import Contracts
import ControlStore
import DesignFunctions
import DocumentStore
import Foundation
import Messaging
import Postgres
import ProjectRuntime
import ScriptHosting
import ServiceLifecycle
import ServiceRuntime
import Settings
import ViewIndexes

/// Puts the service together.
enum Composition {
    static func compose(_ context: ServiceContext) async throws -> [any Service] {
        let settings = context.settings
        let logger = context.logger
        let cancellations = RunCancellations()
        let runtime = try await ProjectRuntime(context) { event in cancellations.hear(event) }
        let (broker, control, catalogue) = (runtime.broker, runtime.control, runtime.catalogue)
        let scripts = try WorkerSettings.scripts.makePool(context)
        let store = DocumentStore(
            context.postgres,
            limits: try WriteLimits(settings),
            validator: DesignValidator(scripts),
            logger: logger
        )
        try await context.postgres.migrate(DocumentStore.migrations, component: "documents")
        try await context.postgres.migrate(ViewIndexes.migrations, component: "views")
        let requests = RequestClient(broker)
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
            queries: DocumentQueries(store, scripts, holder: UUID().uuidString, logger),
            broker: broker,
            passwords: PasswordHasher(),
            cancellations: cancellations,
            logger: logger
        )
        let slots = RunSlots(try settings[WorkerSettings.concurrency])
        return runtime.services + [
            Foreground { try await requests.run() },
            Foreground { await scripts.run() },
            claims,
            RunSweeper(
                broker: broker,
                control: control,
                slots: slots,
                retention: try settings[WorkerSettings.retention],
                logger: logger
            ),
            RunConsumer(
                broker: broker,
                control: control,
                runner: runner,
                policy: try retryPolicy(settings),
                claims: claims,
                slots: slots,
                logger: logger
            ),
        ]
            + [QueueName.calls, QueueName.logins].map { queue in
                CallConsumer(
                    queue: queue,
                    broker: broker,
                    control: control,
                    catalogue: catalogue,
                    runner: runner,
                    claims: claims,
                    concurrency: slots.count,
                    logger: logger
                )
            }
    }

    private static func retryPolicy(_ settings: SettingReader) throws -> RetryPolicy {
        var policy = RetryPolicy()
        policy.attempts = try settings[WorkerSettings.attempts]
        policy.greatestDelay = try settings[WorkerSettings.greatestDelay]
        return policy
    }
}
