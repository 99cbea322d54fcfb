import Contracts
import Executors
import Foundation
import Hummingbird
import Logging
import Messaging
import Postgres
import ServiceLifecycle
import ServiceRuntime
import Settings

/// The settings of the ERP.
enum ERPSettings {
    static let postgresURL = Setting(
        required: "erp.postgresUrl",
        .secretURL(schemes: ["postgresql", "postgres"]),
        "The ERP's own database."
    )
    static let token = Setting(
        required: "erp.token",
        .secret,
        "The bearer token that callers of the API must have."
    )
    static let host = Setting("erp.host", .string, default: "127.0.0.1", "The address that the API listens on.")
    static let port = Setting("erp.port", .int(0...65_535), default: 0, "The API's port; 0 takes a free one.")
    static let isoCodes = Setting(
        "erp.isoCodes",
        .string,
        default: "/usr/share/iso-codes/json",
        "The folder with the ISO tables of the package iso-codes."
    )

    static let all: [any SettingDeclaration] = [token, host, port, isoCodes]
}

extension ServiceDescription {
    static let erp = ServiceDescription(
        name: "demo-erp",
        summary: "The demo's back end: work orders of a field service behind an HTTP API.",
        needs: [.postgres(ERPSettings.postgresURL), .amqp],
        speaksHTTP: true,
        settings: ERPSettings.all
    )
}

/// Brings the database up to date, fills it at the first start, and makes the API and the outbox's publisher.
@Sendable func compose(_ context: ServiceContext) async throws -> [any Service] {
    let database = context.postgres
    let hashing = ThreadPoolExecutor(name: "password")
    try await database.migrate(Schema.migrations, component: "erp")
    let isoCodes = URL(fileURLWithPath: try context.settings[ERPSettings.isoCodes], isDirectory: true)
    try await Seeder(database: database, hashing: hashing, isoCodes: isoCodes, logger: context.logger).run()

    let exchange = Exchange(ExchangeName.notifications, .topic)
    let broker = try context.makeBroker(topology: Topology(exchanges: [exchange]))
    let outbox = OutboxPublisher(database: database, broker: broker, logger: context.logger)
    let api = API(
        workOrders: WorkOrderStore(database: database, hasChanged: outbox.wake),
        directory: DirectoryStore(database: database),
        sessions: SessionStore(database: database, hashing: hashing),
        token: try context.settings[ERPSettings.token]
    )
    let server = Application(
        router: api.makeRouter(),
        configuration: ApplicationConfiguration(
            address: .hostname(try context.settings[ERPSettings.host], port: try context.settings[ERPSettings.port]),
            serverName: nil
        ),
        onServerRunning: { channel in context.announceHTTP(channel) },
        logger: context.logger
    )
    return [outbox, Housekeeping(database: database, logger: context.logger), server]
}
