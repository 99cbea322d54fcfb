import Contracts
import ControlStore
import Postgres
import ProjectRuntime
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
        let runtime = try await ProjectRuntime(context)
        let (broker, control, catalogue) = (runtime.broker, runtime.control, runtime.catalogue)
        let clock = JobClock(broker: broker, control: control, catalogue: catalogue, logger: logger)
        return runtime.services + [
            clock
        ]
    }
}
