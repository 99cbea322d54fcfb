import Contracts
import ControlStore
import DesignFunctions
import DocumentStore
import Foundation
import Logging
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
        try await context.migrate(DocumentStore.migrations, component: "documents")
        try await context.migrate(ViewIndexes.migrations, component: "views")
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
            connectors: ConnectorCaller(requests: requests, control: control, clock: runtime.clock),
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
        ] + callConsumers(runtime, runner, claims, places: slots.count, logger)
    }

    /// Those who take calls, from each queue of them.
    private static func callConsumers(
        _ runtime: ProjectRuntime,
        _ runner: SequenceRunner,
        _ claims: ClaimKeeper,
        places: Int,
        _ logger: Logger
    ) -> [CallConsumer] {
        let (shares, inHand) = (CallShares(places), CallsInHand())
        let queues: [(name: String, places: Int, shares: CallShares?)] = [
            (QueueName.calls, places, shares), (QueueName.heldCalls, shares.ofProject, nil),
            // A system has one project, as a rule, by which users log in.
            (QueueName.logins, places, nil),
        ]
        return queues.map { queue in
            CallConsumer(
                queue: queue.name,
                broker: runtime.broker,
                control: runtime.control,
                catalogue: runtime.catalogue,
                runner: runner,
                claims: claims,
                clock: runtime.clock,
                concurrency: queue.places,
                inHand: inHand,
                shares: queue.shares,
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
