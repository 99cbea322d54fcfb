import DocumentStore
import Logging
import ServiceLifecycle
import ServiceRuntime

/// Deletes contents of attachments that no document has any more, and uploads that came to nothing.
///
/// Every change listener does so; they do not get in one another's way.
struct ContentSweeper: Service {
    let store: DocumentStore
    /// How long a content may be without a document that refers to it.
    let patience: Duration
    let logger: Logger

    private static let period = Duration.seconds(60)
    private static let stretch = 1_000

    func run() async throws {
        await repeatedly(every: Self.period, logger, onFailure: "Contents of attachments could not be swept") {
            while try await store.sweepContents(olderThan: patience, limit: Self.stretch) == Self.stretch {}
        }
    }
}
