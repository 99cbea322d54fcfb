import Contracts
import ControlStore
import Executors
import Foundation
import Logging
import Postgres
import ProjectRuntime
import ServiceLifecycle
import ServiceRuntime
import Settings

/// What can be set of a back-end connector.
enum ConnectorSettings {
    static let concurrency = Setting(
        "connector.concurrency",
        .int(1...10_000),
        default: 128,
        "How many transactions are in hand at once, over all connectors; one connector has half of them at most."
    )
    static let breakerFailures = Setting(
        "connector.breakerFailures",
        .int(1...1_000),
        default: 5,
        "After how many failures in a row a connector's calls are refused for a while."
    )
    static let breakerPause = Setting(
        "connector.breakerPause",
        .duration(.milliseconds(100) ... .seconds(600)),
        default: .seconds(2),
        "How long they are refused at first; it doubles up to a minute while the back end stays away."
    )
    static let sqliteFolder = Setting(
        "connector.sqliteFolder",
        .string,
        default: "",
        "The folder that SQLite files of SQL connectors must be in; when it is not set, none can be used."
    )

    static let odbcDrivers = Setting(
        "connector.odbcDrivers",
        .string,
        default: "",
        "The ODBC drivers that SQL connectors may name besides their engine's own, like sqlserver=FreeTDS."
    )

    static let all: [any SettingDeclaration] =
        [concurrency, breakerFailures, breakerPause, sqliteFolder, odbcDrivers] + NotificationSettings.all
}

extension ServiceDescription {
    static let backEndConnector = ServiceDescription(
        name: "back-end-connector",
        summary: """
            Carries out transactions of connectors for running sequences, and starts the sequences of back ends' \
            notifications. Any number may run: they share the work.
            """,
        needs: [.postgres, .amqp],
        settings: ConnectorSettings.all
    )
}

/// Puts the service together.
enum Composition {
    static func compose(_ context: ServiceContext) async throws -> [any Service] {
        let settings = context.settings
        let logger = context.logger
        let runtime = try await ProjectRuntime(context)
        let (broker, control, catalogue) = (runtime.broker, runtime.control, runtime.catalogue)
        try await context.migrate(ControlStore.callMigrations, component: "connector-calls")
        let breaker = CircuitBreaker.Policy(
            failures: try settings[ConnectorSettings.breakerFailures],
            pause: try settings[ConnectorSettings.breakerPause]
        )
        let concurrency = try settings[ConnectorSettings.concurrency]
        let callers = callers(
            control: control,
            lanes: ConnectorLanes(policy: breaker, places: concurrency),
            sqliteFolder: try settings[ConnectorSettings.sqliteFolder],
            drivers: try ODBCDrivers(try settings[ConnectorSettings.odbcDrivers]),
            logger: logger
        )
        let calls = CallHandler(
            execution: CallExecution(
                catalogue: catalogue,
                control: control,
                callers: callers,
                waiting: WaitingCalls(places: concurrency / 2),
                logger: logger
            ),
            replies: CallReplies(broker: broker, logger: logger),
            clock: runtime.clock,
            logger: logger
        )
        let intake = NotificationIntake(
            catalogue: catalogue,
            control: control,
            broker: broker,
            limits: try NotificationLimits(settings),
            logger: logger
        )
        return runtime.services + [
            callers.http.transports,
            callers.sql,
            callers.amqp,
            CallLedgerCleaner(
                control: control,
                notificationMemory: try settings[NotificationSettings.memory],
                logger: logger
            ),
            MessageConsumer(
                broker: broker,
                queue: QueueName.notifications,
                concurrency: try settings[NotificationSettings.concurrency],
                maximumOversize: try settings[NotificationSettings.keptSize],
                handler: { delivery in await intake.take(delivery) }
            ),
            MessageConsumer(
                broker: broker,
                queue: QueueName.connectorCalls,
                concurrency: concurrency,
                handler: { delivery in await calls.take(delivery) }
            ),
        ]
    }

    private static func callers(
        control: ControlStore,
        lanes: ConnectorLanes,
        sqliteFolder: String,
        drivers: ODBCDrivers,
        logger: Logger
    ) -> BackEndCallers {
        let addresses = AddressGuard(threads: ThreadPoolExecutor(name: "names", maximumThreads: 8))
        let files = PEMFiles()
        return BackEndCallers(
            http: HTTPCaller(
                transports: HTTPTransports(),
                lanes: lanes,
                addresses: addresses,
                tokens: OAuth2Tokens(),
                digests: DigestChallenges(),
                cookies: KeptCookies(control: control, logger: logger)
            ),
            sql: SQLCaller(
                lanes: lanes,
                addresses: addresses,
                postgres: PostgresBackEnds(files: files, logger: logger),
                odbc: ODBCBackEnds(
                    files: files,
                    folder: sqliteFolder.isEmpty ? nil : sqliteFolder,
                    drivers: drivers
                )
            ),
            ldap: LDAPCaller(
                lanes: lanes,
                addresses: addresses,
                files: files,
                threads: ThreadPoolExecutor(name: "ldap", maximumThreads: 64)
            ),
            amqp: AMQPCaller(lanes: lanes, addresses: addresses, files: files, logger: logger),
            smtp: SMTPCaller(lanes: lanes, addresses: addresses)
        )
    }
}
