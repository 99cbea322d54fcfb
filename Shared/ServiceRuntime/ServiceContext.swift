package import Contracts
package import Logging
package import Messaging
package import NIOCore
package import Postgres
import ServiceLifecycle
package import Settings
import Synchronization
package import Telemetry

/// What a service is composed from: its settings, its logger, and the servers that it needs.
package struct ServiceContext: Sendable {
    package let settings: SettingReader
    package let logger: Logger
    package let metrics: PrometheusRegistry
    /// Checks that decide what `/_up` answers, besides those of PostgreSQL and RabbitMQ.
    package let readiness: ReadinessChecks

    let name: String
    let postgresClient: PostgresClient?
    let announcement: Announcement
    /// When the time for the start is over.
    let startDeadline: ContinuousClock.Instant
    /// The services that run below those that the composition gives back.
    let foundation = ServiceList()

    /// The database, which answered when the composition began.
    ///
    /// The description must have PostgreSQL among its needs.
    package var postgres: PostgresClient {
        guard let postgresClient else { preconditionFailure("\(name) does not declare that it needs PostgreSQL") }
        return postgresClient
    }

    /// The value of a project's symbol in this process; nil when it is not set, or cannot be read.
    package func symbol(named name: String) -> String? {
        do {
            return try settings.symbol(name)?.reveal()
        } catch {
            logger.error("A symbol cannot be read", error: error)
            return nil
        }
    }

    /// A connection to RabbitMQ that declares this topology, runs as long as the process, and is part of readiness.
    ///
    /// It is shut down after the services that the composition gives back, so that they can publish to the end.
    package func makeBroker(topology: Topology) throws -> MessageBroker {
        let url = try settings[CommonSettings.amqpURL]
        var configuration: MessagingConfiguration
        do {
            configuration = try MessagingConfiguration(url: url.reveal())
        } catch {
            throw SettingError(name: CommonSettings.amqpURL.variable, source: .environment, expected: "\(error)")
        }
        configuration.connectionName = name
        // Within the time for shutting down, so that what handlers have finished can still be acknowledged.
        configuration.handlerGracePeriod = try settings[CommonSettings.shutdownTimeout] * 0.8
        let broker = MessageBroker(configuration, topology: topology, logger: logger)
        foundation.append(BrokerService(broker: broker))
        readiness.add("amqp") {
            do {
                try await broker.ping()
            } catch {
                throw NotReady("\(error)")
            }
        }
        return broker
    }

    /// Tells whoever started the process where its public HTTP server listens.
    ///
    /// For Hummingbird's `onServerRunning`.
    package func announceHTTP(_ channel: any Channel) {
        announce { try announcement.set(http: channel.localAddress) }
    }

    func announce(_ body: () throws -> Void) {
        do {
            try body()
        } catch {
            logger.error("The announce file could not be written", error: error)
        }
    }
}

/// A list of services that grows while a composition is made.
final class ServiceList: Sendable {
    private let services = Mutex<[any Service]>([])

    func append(_ service: some Service) {
        services.withLock { $0.append(service) }
    }

    var all: [any Service] { services.withLock { $0 } }
}

/// Runs a broker's connection until everything that uses it has ended.
private struct BrokerService: Service {
    let broker: MessageBroker

    func run() async throws {
        try await cancelWhenGracefulShutdown { try await broker.run() }
    }
}
