import Contracts
import ControlStore
import DocumentStore
import Foundation
import Messaging
import Postgres
import ProjectRuntime
import ScriptHosting
import ServiceLifecycle
import ServiceRuntime
import Settings
import ViewIndexes

/// What can be set of a change listener.
enum ListenerSettings {
    static let scripts = ScriptHostSettings(hosts: 2)
    static let retention = Setting(
        "changes.retention",
        .duration(.seconds(60) ... .seconds(31_536_000)),
        default: .seconds(7 * 86_400),
        "How long changes are kept that every listener has seen."
    )
    static let contentPatience = Setting(
        "attachment.patience",
        .duration(.seconds(600) ... .seconds(31_536_000)),
        default: .seconds(3_600),
        "How long the content of an attachment is kept that no document refers to."
    )
    static let compactionAge = Setting(
        "compaction.age",
        .duration(.seconds(0) ... .seconds(31_536_000)),
        default: .seconds(3_600),
        "How long the content of a revision is kept after another one has taken its place."
    )
}

extension ServiceDescription {
    static let changeListener = ServiceDescription(
        name: "change-listener",
        summary: """
            Publishes committed changes to the exchange fullsync.changes, starts the sequences of the listeners that \
            match them, and keeps views fresh. Any number may run: they share the databases and the listeners.
            """,
        needs: [.postgres, .amqp],
        settings: ListenerSettings.scripts.all + [
            ListenerSettings.retention, ListenerSettings.contentPatience, ListenerSettings.compactionAge,
        ]
    )
}

/// Puts the service together.
enum Composition {
    static func compose(_ context: ServiceContext) async throws -> [any Service] {
        let settings = context.settings
        let logger = context.logger
        let runtime = try await ProjectRuntime(context)
        let (broker, control, catalogue) = (runtime.broker, runtime.control, runtime.catalogue)
        let store = DocumentStore(context.postgres, logger: logger)
        try await context.migrate(DocumentStore.migrations, component: "documents")
        try await context.migrate(ViewIndexes.migrations, component: "views")
        let scripts = try ListenerSettings.scripts.makePool(context)
        let progress = FollowersProgress(control: control, catalogue: catalogue)
        let pruner = ChangeLogPruner(
            store: store,
            progress: progress,
            retention: try settings[ListenerSettings.retention],
            logger: logger
        )
        let sweeper = ContentSweeper(
            store: store,
            patience: try settings[ListenerSettings.contentPatience],
            logger: logger
        )
        let compactor = Compactor(
            store: store,
            progress: progress,
            age: try settings[ListenerSettings.compactionAge],
            logger: logger
        )
        let signals = CommitSignals(context.postgres, logger: logger)
        // Hosts of their own, so that a view that takes its time keeps no listener waiting.
        let viewScripts = try ListenerSettings.scripts.makePool(context)
        let holder = RunID.next()
        return runtime.services + [
            Foreground { await scripts.run() },
            Foreground { await viewScripts.run() },
            signals,
            pruner,
            sweeper,
            compactor,
            BacklogGauges(store: store, progress: progress, logger: logger),
            FollowerSupervisor(
                broker: broker,
                control: control,
                store: store,
                catalogue: catalogue,
                scripts: scripts,
                views: ViewKeeper(
                    indexes: ViewIndexes(store, holder: holder, logger: logger),
                    catalogue: ViewCatalogue(store: store, scripts: viewScripts),
                    queries: QueryCatalogue(store),
                    signals: signals,
                    logger: logger
                ),
                signals: signals,
                holder: holder,
                logger: logger
            ),
        ]
    }
}
