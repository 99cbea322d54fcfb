import Contracts
import ControlStore
import DocumentStore
import Foundation
import Hummingbird
import Logging
import Messaging
import Postgres
import ServiceLifecycle
import ServiceRuntime
import Settings

/// Puts the service together.
enum Composition {
    static func compose(_ context: ServiceContext) async throws -> [any Service] {
        let settings = context.settings
        let logger = context.logger
        let subscription = ControlEvents.Subscription()
        let wakeUpQueue = FeedWakeUps.Subscription()
        let broker = try context.makeBroker(topology: .shared + subscription.topology + wakeUpQueue.topology)
        let store = DocumentStore(context.postgres, logger: logger)
        let control = ControlStore(context.postgres, logger: logger)
        try await context.postgres.migrate(DocumentStore.migrations, component: "documents")
        try await context.postgres.migrate(ControlStore.migrations, component: "control")
        let catalogue = ProjectCatalogue(control, symbols: context.symbol(named:), logger: logger)
        let requests = RequestClient(broker)
        let sequences = SequenceCaller(requests: requests)
        let login = try makeLogin(context, catalogue, sequences, store)
        let authenticator = Authenticator(login: login, control: control, store: store)
        let wakeUps = FeedWakeUps(wakeUpQueue, broker: broker, logger: logger)
        let deployment = Deployment(
            store: store,
            control: control,
            catalogue: catalogue,
            broker: broker,
            symbols: context.symbol(named:),
            logger: logger
        )
        let resources = Resources(
            server: ServerResources(store: store, uuid: try await control.serverID()),
            session: SessionResource(
                login: login,
                control: control,
                authenticator: authenticator,
                duration: try settings[EndpointSettings.sessionDuration],
                isSecure: try settings[EndpointSettings.secureCookies]
            ),
            database: DatabaseResource(store: store, documents: DocumentResource(store: store)),
            document: DocumentResource(store: store),
            attachment: AttachmentResource(store: store),
            bulkDocuments: BulkDocuments(store: store),
            bulkGet: BulkGet(store: store),
            difference: RevisionsDifference(store: store),
            changes: ChangesResource(store: store, wakeUps: wakeUps),
            allDocuments: AllDocuments(store: store),
            local: LocalResource(store: store),
            localList: LocalDocumentList(store: store),
            sequence: SequenceResource(catalogue: catalogue, sequences: sequences),
            project: ProjectResource(catalogue: catalogue, control: control, deployment: deployment),
            runs: RunsResource(control: control, broker: broker),
            store: store
        )
        let server = try makeServer(context, authenticator, resources)
        return [
            Foreground { try await requests.run() },
            Foreground { try await catalogue.run() },
            ControlEvents(subscription, broker: broker, logger: logger) { event in
                switch event {
                case .projects: catalogue.poke()
                case .sessions:
                    authenticator.forget()
                    wakeUps.wakeAll()
                }
            },
            server,
            // The last to start is the first to end: live feeds end, then the server that they keep busy.
            wakeUps,
        ]
    }

    private static func makeLogin(
        _ context: ServiceContext,
        _ catalogue: ProjectCatalogue,
        _ sequences: SequenceCaller,
        _ store: DocumentStore
    ) throws -> Login {
        let settings = context.settings
        return Login(
            administrator: Administrator(
                name: try settings[EndpointSettings.adminUser],
                password: try settings[EndpointSettings.adminPassword]
            ),
            catalogue: catalogue,
            sequences: sequences,
            store: store,
            timeout: try settings[EndpointSettings.loginTimeout],
            logger: context.logger
        )
    }

    private static func makeServer(
        _ context: ServiceContext,
        _ authenticator: Authenticator,
        _ resources: Resources
    ) throws -> some Service {
        let settings = context.settings
        var limits = EndpointLimits()
        limits.requestBody = try settings[EndpointSettings.requestSize]
        limits.documents = try AttachmentSettings.rules(settings)
        return Application(
            responder: CouchResponder(
                authenticator: authenticator,
                limits: limits,
                resources: resources,
                logger: context.logger
            ),
            configuration: ApplicationConfiguration(
                address: .hostname(try settings[EndpointSettings.host], port: try settings[EndpointSettings.port]),
                serverName: nil
            ),
            onServerRunning: { channel in context.announceHTTP(channel) },
            logger: context.logger
        )
    }
}
