import DocumentStore
import Logging
import ServiceLifecycle

/// Looks now and then whether PostgreSQL was restored, or another one took its place, while this process ran.
struct RestoreWatch: Service {
    let store: DocumentStore
    let logger: Logger

    private static let period = Duration.seconds(5)

    func run() async {
        await cancelWhenGracefulShutdown {
            while !Task.isCancelled {
                try? await Task.sleep(for: Self.period)
                do {
                    try await look()
                } catch {
                    logger.debug("Whether PostgreSQL was restored is not known", metadata: ["error": "\(error)"])
                }
            }
        }
    }

    /// Looks once.
    func look() async throws {
        guard try await store.noticeRestore() else { return }
        logger.warning("PostgreSQL is another one than before: all databases have a new incarnation")
    }
}
