import Contracts
import ControlStore
import DocumentStore
import Foundation
import Messaging
import Postgres
import ScriptHosting
import ServiceLifecycle
import ServiceRuntime
import Settings

/// What can be set of a change listener.
enum ListenerSettings {
    static let scriptHosts = Setting(
        "script.hosts",
        .int(1...64),
        default: 1,
        "How many processes evaluate JavaScript."
    )
    static let scriptHost = Setting(
        "script.host",
        .optional(.string),
        default: nil,
        "The script-host executable; the one beside this one when not set."
    )
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
}

extension ServiceDescription {
    static let changeListener = ServiceDescription(
        name: "change-listener",
        summary: """
            Publishes committed changes to the exchange fullsync.changes, and starts the sequences of the listeners \
            that match them. Any number may run: they share the databases and the listeners.
            """,
        needs: [.postgres, .amqp],
        settings: [
            ListenerSettings.scriptHosts, ListenerSettings.scriptHost, ListenerSettings.retention,
            ListenerSettings.contentPatience,
        ]
    )
}

/// Puts the service together.
enum Composition {
    static func compose(_ context: ServiceContext) async throws -> [any Service] {
        let settings = context.settings
        let logger = context.logger
        let subscription = ControlEvents.Subscription()
        let broker = try context.makeBroker(topology: .shared + subscription.topology)
        let control = ControlStore(context.postgres, logger: logger)
        let store = DocumentStore(context.postgres, logger: logger)
        try await context.postgres.migrate(DocumentStore.migrations, component: "documents")
        try await context.postgres.migrate(ControlStore.migrations, component: "control")
        let catalogue = ProjectCatalogue(control, symbols: context.symbol(named:), logger: logger)
        let scripts = ScriptHostPool(
            executable: try settings[ListenerSettings.scriptHost] ?? siblingExecutable("script-host"),
            hosts: try settings[ListenerSettings.scriptHosts],
            logger: logger
        )
        let pruner = ChangeLogPruner(
            control: control,
            store: store,
            catalogue: catalogue,
            retention: try settings[ListenerSettings.retention],
            logger: logger
        )
        let sweeper = ContentSweeper(
            store: store,
            patience: try settings[ListenerSettings.contentPatience],
            logger: logger
        )
        let signals = CommitSignals(context.postgres, logger: logger)
        return [
            Foreground { await scripts.run() },
            Foreground { try await catalogue.run() },
            ControlEvents(subscription, broker: broker, logger: logger) { event in
                if event == .projects { catalogue.poke() }
            },
            signals,
            pruner,
            sweeper,
            FollowerSupervisor(
                broker: broker,
                control: control,
                store: store,
                catalogue: catalogue,
                scripts: scripts,
                signals: signals,
                holder: RunID.next(),
                logger: logger
            ),
        ]
    }
}
