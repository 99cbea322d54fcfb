import Contracts
import ControlStore
import DesignFunctions
import DocumentStore
import Foundation
import Hummingbird
import HummingbirdCore
import Logging
import Messaging
import NIOCore
import Postgres
import ProjectRuntime
import ScriptHosting
import ServiceLifecycle
import ServiceRuntime
import Settings
import ViewIndexes

/// Puts the service together.
enum Composition {
    static func compose(_ context: ServiceContext) async throws -> [any Service] {
        let logger = context.logger
        let subscription = ControlEvents.Subscription()
        let wakeUpQueue = FeedWakeUps.Subscription()
        let broker = try context.makeBroker(topology: .shared + subscription.topology + wakeUpQueue.topology)
        let scripts = try EndpointSettings.scripts.makePool(context)
        let store = try store(context, scripts)
        let control = ControlStore(context.postgres, logger: logger)
        let restores = RestoreWatch(store: store, logger: logger)
        try await prepare(context, restores)
        let catalogue = ProjectCatalogue(control, symbols: context.symbol(named:), logger: logger)
        // Before the first request: who logs in by a project would be refused, not told to come back.
        try await context.preparing { try await catalogue.refresh() }
        let requests = RequestClient(broker)
        let clock = try await context.preparing { try await DatabaseClock(control) }
        let sequences = SequenceCaller(requests: requests, clock: clock)
        let wakeUps = FeedWakeUps(wakeUpQueue, broker: broker, logger: logger)
        let access = try Access(
            context.settings,
            store: store,
            control: control,
            catalogue: catalogue,
            sequences: sequences,
            wakeUps: wakeUps,
            broker: broker,
            logger: logger
        )
        let hangUps = HangUps()
        let projects = try ProjectParts(context, store, control, catalogue, sequences, scripts, broker, hangUps)
        let designs = DesignResource(store: store, scripts: scripts)
        let resources = Resources(
            server: ServerResources(
                store: store,
                readiness: context.readiness,
                uuid: try await context.preparing { try await control.serverID() }
            ),
            session: access.sessionResource,
            database: DatabaseResource(store: store, documents: DocumentResource(store: store)),
            document: DocumentResource(store: store),
            design: designs,
            changes: try makeFeeds(context, designs, wakeUps, access, hangUps),
            sequence: projects.sequence,
            project: projects.project,
            runs: RunsResource(control: control, broker: broker),
            operations: OperationResource(store: store, control: control, catalogue: catalogue, broker: broker),
            users: access.usersResource,
            groups: access.groupsResource,
            sessions: access.sessionsResource,
            views: ViewResource(store, scripts, logger),
            store: store
        )
        let server = try makeServer(context, access.callers, resources, hangUps)
        return [
            Foreground { try await requests.run() },
            Foreground { await scripts.run() },
            Foreground { try await catalogue.run() },
            Foreground { await clock.run() },
            ControlEvents(subscription, broker: broker, logger: logger) { event in
                if event == .projects { catalogue.poke() }
                if event == .sessions { access.changes.hear() }
            },
            access.changes,
            restores,
            FeedTail(store: store, wakeUps: wakeUps, logger: logger),
            server,
            // The last to start is the first to end: live feeds end, then the server that they keep busy.
            wakeUps,
        ]
    }

    /// The resources of deployed projects.
    private struct ProjectParts {
        let sequence: SequenceResource
        let project: ProjectResource

        init(
            _ context: ServiceContext,
            _ store: DocumentStore,
            _ control: ControlStore,
            _ catalogue: ProjectCatalogue,
            _ sequences: SequenceCaller,
            _ scripts: ScriptHostPool,
            _ broker: MessageBroker,
            _ hangUps: HangUps
        ) throws {
            sequence = SequenceResource(
                catalogue: catalogue,
                sequences: sequences,
                store: store,
                broker: broker,
                hangUps: hangUps,
                underWay: CallsUnderWay(limit: try context.settings[CallSettings.perUser])
            )
            let deployment = Deployment(
                store: store,
                control: control,
                catalogue: catalogue,
                broker: broker,
                scripts: scripts,
                symbols: context.symbol(named:),
                logger: context.logger
            )
            project = ProjectResource(catalogue: catalogue, control: control, deployment: deployment)
        }
    }

    private static func makeFeeds(
        _ context: ServiceContext,
        _ designs: DesignResource,
        _ wakeUps: FeedWakeUps,
        _ access: Access,
        _ hangUps: HangUps
    ) throws -> ChangesResource {
        try ChangesResource(
            context.settings,
            designs,
            wakeUps,
            access.callers.authenticator,
            hangUps,
            context.logger
        )
    }

    private static func store(_ context: ServiceContext, _ scripts: ScriptHostPool) throws -> DocumentStore {
        DocumentStore(
            context.postgres,
            limits: try WriteLimits(context.settings),
            validator: DesignValidator(scripts),
            logger: context.logger
        )
    }

    /// Brings the tables up to date, and notices when they are those of a backup, before anybody is answered.
    private static func prepare(_ context: ServiceContext, _ restores: RestoreWatch) async throws {
        try await context.migrate(DocumentStore.migrations, component: "documents")
        try await context.migrate(ViewIndexes.migrations, component: "views")
        try await context.migrate(ControlStore.migrations, component: "control")
        try await context.preparing { try await restores.look() }
    }

    private static func makeServer(
        _ context: ServiceContext,
        _ callers: Callers,
        _ resources: Resources,
        _ hangUps: HangUps
    ) throws -> some Service {
        let settings = context.settings
        let limits = try EndpointLimits(settings)
        let connections = try ConnectionLimits(settings)
        return Application(
            responder: CouchResponder(
                callers: callers,
                limits: limits,
                bodies: BodyMemory(limit: try settings[ConnectionSettings.memory]),
                resources: resources,
                logger: context.logger
            ),
            server: .http1(
                configuration: HTTP1Channel.Configuration(
                    additionalChannelHandlers: [ConnectionGuard(connections), HangUpHandler(hangUps)],
                    idleTimeout: TimeAmount(try settings[ConnectionSettings.idle])
                )
            ),
            configuration: ApplicationConfiguration(
                address: .hostname(try settings[EndpointSettings.host], port: try settings[EndpointSettings.port]),
                serverName: nil,
                availableConnectionsDelegate: MaximumAvailableConnections(try settings[ConnectionSettings.count])
            ),
            onServerRunning: { channel in context.announceHTTP(channel) },
            logger: context.logger
        )
    }
}
