import DocumentStore
import Logging
import ScriptHosting
import ViewIndexes

/// What queries of sequences are answered by, whatever their database.
struct DocumentQueries: Sendable {
    let views: ViewQueries
    let selectors: QueryCatalogue

    /// - Parameter holder: Names this process among all that bring indexes up to date.
    init(_ store: DocumentStore, _ scripts: ScriptHostPool, holder: String, _ logger: Logger) {
        views = ViewQueries(store, scripts, holder: holder, logger)
        selectors = QueryCatalogue(store)
    }
}
