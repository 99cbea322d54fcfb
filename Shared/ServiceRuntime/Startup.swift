import Logging
import Postgres
import ServiceLifecycle

/// Waits for the servers that the service needs, composes it, and runs it until the process is told to end.
///
/// It runs beside the operations server, so that `/_up` can tell what is being waited for.
struct Startup: Service {
    let context: ServiceContext
    let compose: @Sendable (ServiceContext) async throws -> [any Service]
    let shutdownTimeout: Duration

    func run() async throws {
        let services: [any Service]
        do {
            try await cancelWhenGracefulShutdown { try await waitForReadiness() }
            services = try await compose(context)
        } catch is CancellationError {
            return
        }
        try await makeGroup(services).run()
    }

    private func makeGroup(_ services: [any Service]) -> ServiceGroup {
        let watch = ServiceGroupConfiguration.ServiceConfiguration(
            service: StartWatch(startup: self),
            successTerminationBehavior: .ignore,
            failureTerminationBehavior: .gracefullyShutdownGroup
        )
        let all = context.foundation.all + services
        var configuration = ServiceGroupConfiguration(
            services: all.map(Self.gracefullyFailing) + [watch],
            logger: context.logger
        )
        configuration.maximumGracefulShutdownDuration = shutdownTimeout
        return ServiceGroup(configuration: configuration)
    }

    /// A service whose failure lets the others finish what is in hand.
    private static func gracefullyFailing(_ service: any Service) -> ServiceGroupConfiguration.ServiceConfiguration {
        ServiceGroupConfiguration.ServiceConfiguration(
            service: service,
            failureTerminationBehavior: .gracefullyShutdownGroup
        )
    }

    /// Asks again and again until every check passes.
    ///
    /// - Throws: `StartError` when the time is over, `CancellationError` when the process is told to end.
    func waitForReadiness() async throws {
        var nextNotice = ContinuousClock.now + .seconds(1)
        while true {
            let failures = await context.readiness.failures()
            try Task.checkCancellation()
            guard !failures.isEmpty else { return }
            guard ContinuousClock.now < context.startDeadline else { throw StartError.unreachable(failures) }
            if ContinuousClock.now >= nextNotice {
                let waiting = failures.map { "\($0.check) (\($0.reason))" }.joined(separator: ", ")
                context.logger.notice("Waiting for what the service needs", metadata: ["waiting": "\(waiting)"])
                nextNotice = .now + .seconds(5)
            }
            try await Task.sleep(for: .milliseconds(200))
        }
    }
}

/// Ends the process when it does not become ready in time.
private struct StartWatch: Service {
    let startup: Startup

    func run() async throws {
        try await cancelWhenGracefulShutdown {
            do {
                try await startup.waitForReadiness()
                startup.context.logger.info("Ready")
            } catch is CancellationError {
                return
            }
        }
    }
}
