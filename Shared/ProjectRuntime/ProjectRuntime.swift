package import Contracts
package import ControlStore
package import Messaging
import Postgres
package import ServiceLifecycle
package import ServiceRuntime

/// What every service that works for deployed projects stands on: the broker, the control store with its tables made,
/// and, kept in step, the catalogue of what is live and the clock that all services have in common.
package struct ProjectRuntime: Sendable {
    package let broker: MessageBroker
    package let control: ControlStore
    package let catalogue: ProjectCatalogue
    package let clock: DatabaseClock
    /// What keeps them in step; they go with the services that a composition gives back.
    package let services: [any Service]

    /// Prepares it.
    ///
    /// - Parameters:
    ///   - context: What the service is composed from; it must need PostgreSQL and RabbitMQ.
    ///   - topology: What the broker declares besides what all services share.
    ///   - hear: Gets what is said to every process.
    package init(
        _ context: ServiceContext,
        topology: Topology = Topology(),
        hear: @escaping @Sendable (ControlEvent) -> Void = { _ in }
    ) async throws {
        let subscription = ControlEvents.Subscription()
        let broker = try context.makeBroker(topology: .shared + subscription.topology + topology)
        let control = ControlStore(context.postgres, logger: context.logger)
        try await context.migrate(ControlStore.migrations, component: "control")
        let catalogue = ProjectCatalogue(control, symbols: context.symbol(named:), logger: context.logger)
        self.broker = broker
        self.control = control
        self.catalogue = catalogue
        let clock = try await context.preparing { try await DatabaseClock(control) }
        self.clock = clock
        services = [
            Foreground { try await catalogue.run() },
            Foreground { await clock.run() },
            ControlEvents(subscription, broker: broker, logger: context.logger) { event in
                if event == .projects { catalogue.poke() }
                hear(event)
            },
        ]
    }
}
