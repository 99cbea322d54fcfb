import Contracts
import ControlStore
import Postgres
import ServiceLifecycle
import ServiceRuntime

extension ServiceDescription {
    static let scheduler = ServiceDescription(
        name: "scheduler",
        summary: """
            Starts sequences by the clock, as the jobs of the deployed projects say. Any number may run: each firing \
            is decided once.
            """,
        needs: [.postgres, .amqp]
    )
}

/// Puts the service together.
enum Composition {
    static func compose(_ context: ServiceContext) async throws -> [any Service] {
        let logger = context.logger
        let subscription = ControlEvents.Subscription()
        let broker = try context.makeBroker(topology: .shared + subscription.topology)
        let control = ControlStore(context.postgres, logger: logger)
        try await context.postgres.migrate(ControlStore.migrations, component: "control")
        let catalogue = ProjectCatalogue(control, symbols: context.symbol(named:), logger: logger)
        let clock = JobClock(broker: broker, control: control, catalogue: catalogue, logger: logger)
        return [
            Foreground { try await catalogue.run() },
            ControlEvents(subscription, broker: broker, logger: logger) { event in
                if event == .projects { catalogue.poke() }
            },
            clock,
        ]
    }
}
