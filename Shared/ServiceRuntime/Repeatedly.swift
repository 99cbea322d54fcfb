package import Logging
import ServiceLifecycle

/// Does the same again and again, after a pause each time, until the service shuts down.
///
/// What fails is logged, and done again after the next pause.
package func repeatedly(
    every pause: Duration,
    _ logger: Logger,
    onFailure message: Logger.Message,
    _ body: @escaping @Sendable () async throws -> Void
) async {
    await cancelWhenGracefulShutdown {
        while !Task.isCancelled {
            do {
                try await Task.sleep(for: pause)
                try await body()
            } catch is CancellationError {
                return
            } catch {
                logger.warning(message, metadata: ["error": "\(error)"])
            }
        }
    }
}
