import Foundation
import Logging
import Postgres
package import ServiceLifecycle
import Settings
import Telemetry
import UnixSignals

/// The life of a service process, the same for all: settings, telemetry, servers, work, shutdown, exit code.
///
/// ```swift
/// @main enum Main {
///     static func main() async {
///         await ServiceProcess.run(.scheduler) { context in
///             [try Clock(context)]
///         }
///     }
/// }
/// ```
///
/// The process reads its settings, all wrong ones ending it with one message; serves `/_up` and `/metrics`; waits for
/// the servers that it needs; composes its services and runs them; on SIGTERM or SIGINT lets them finish what is in
/// hand, the last one given back first; and ends with an ``ExitCode``.
package enum ServiceProcess {
    /// Makes the services of a process, in the order in which they depend on each other.
    package typealias Composition = @Sendable (ServiceContext) async throws -> [any Service]

    /// Runs the service and ends the process.
    package static func run(_ description: ServiceDescription, compose: @escaping Composition) async -> Never {
        switch ServiceArguments(Array(CommandLine.arguments.dropFirst())) {
        case .help:
            print(description.help)
            end(.success)
        case .version:
            print("\(description.name) \(Release.version) (\(Release.name))")
            end(.success)
        case .check:
            end(await check(description))
        case .unknown(let argument):
            complain("\(description.name): unknown argument '\(argument)'; see --help")
            end(.usage)
        case .run:
            end(await runService(description, compose))
        }
    }

    private static func runService(
        _ description: ServiceDescription,
        _ compose: @escaping Composition
    ) async -> ExitCode {
        let settings: SettingReader
        let style: LogStyle
        do {
            settings = try SettingReader.ofThisProcess()
            try settings.check(description.declarations)
            style = LogStyle(
                service: description.name,
                level: try settings[CommonSettings.logLevel],
                format: try settings[CommonSettings.logFormat]
            )
        } catch {
            complain("\(error)")
            return .configuration
        }
        let metrics = TelemetryBootstrap.start(style)
        let logger = Logger(label: description.name)
        warn(of: settings.unknownVariables(declared: description.declarations), logger)
        // A peer that closes its socket is an error of the write, not the end of the process.
        signal(SIGPIPE, SIG_IGN)
        do {
            let group = try makeGroup(description, settings, metrics, logger, compose)
            try await group.run()
            logger.info("Ended")
            return .success
        } catch {
            return report(error, logger)
        }
    }

    /// Puts the operations server and the service itself under one group that listens to signals.
    private static func makeGroup(
        _ description: ServiceDescription,
        _ settings: SettingReader,
        _ metrics: PrometheusRegistry,
        _ logger: Logger,
        _ compose: @escaping Composition
    ) throws -> ServiceGroup {
        let context = ServiceContext(
            settings: settings,
            logger: logger,
            metrics: metrics,
            readiness: ReadinessChecks(),
            name: description.name,
            postgresClient: try makePostgres(description, settings, logger),
            announcement: Announcement(
                path: try settings[CommonSettings.announceFile],
                awaitsHTTP: description.speaksHTTP
            ),
            startDeadline: .now + (try settings[CommonSettings.startTimeout])
        )
        if let client = context.postgresClient {
            context.readiness.addPostgres(client)
            context.foundation.append(PostgresService(client: client))
        }
        let shutdownTimeout = try settings[CommonSettings.shutdownTimeout]
        let operations = OperationsServer(
            host: try settings[CommonSettings.operationsHost],
            port: try settings[CommonSettings.operationsPort],
            readiness: context.readiness,
            metrics: metrics,
            logger: logger,
            onListening: { address in context.announce { try context.announcement.set(operations: address) } }
        )
        let startup = Startup(
            context: context,
            compose: compose,
            shutdownTimeout: shutdownTimeout
        )
        var configuration = ServiceGroupConfiguration(
            services: [
                .init(service: operations),
                .init(
                    service: startup,
                    successTerminationBehavior: .gracefullyShutdownGroup,
                    failureTerminationBehavior: .gracefullyShutdownGroup
                ),
                .init(service: ShutdownLimit(limit: shutdownTimeout, logger: logger)),
            ],
            gracefulShutdownSignals: [.sigterm, .sigint],
            logger: logger
        )
        configuration.maximumGracefulShutdownDuration = shutdownTimeout
        return ServiceGroup(configuration: configuration)
    }

    private static func makePostgres(
        _ description: ServiceDescription,
        _ settings: SettingReader,
        _ logger: Logger
    ) throws -> PostgresClient? {
        guard let setting = description.postgresURL else { return nil }
        let url = try settings[setting]
        var configuration: PostgresConfiguration
        do {
            configuration = try PostgresConfiguration(url: url.reveal())
        } catch {
            throw SettingError(name: setting.variable, source: .environment, expected: "\(error)")
        }
        configuration.applicationName = description.name
        configuration.maximumConnections = try settings[CommonSettings.postgresConnections]
        return PostgresClient(configuration, logger: logger)
    }

    private static func warn(of unknown: [UnknownVariable], _ logger: Logger) {
        for variable in unknown {
            if let suggestion = variable.suggestion {
                logger.warning("\(variable.name) is no setting; \(suggestion) was probably meant")
            } else {
                logger.debug("\(variable.name) is no setting of this service")
            }
        }
    }

    /// Logs why the process ends, and says with which code.
    private static func report(_ error: any Error, _ logger: Logger) -> ExitCode {
        switch error {
        case is SettingError, is SettingErrors:
            complain("\(error)")
            return .configuration
        case is StartError:
            logger.critical("The service did not start", error: error)
            return .unreachable
        default:
            logger.critical("The service failed", error: error)
            return .failure
        }
    }

    private static func check(_ description: ServiceDescription) async -> ExitCode {
        do {
            let settings = try SettingReader.ofThisProcess()
            let port = try settings[CommonSettings.operationsPort]
            guard port > 0 else {
                complain("\(description.name): --check needs FULLSYNC_OPERATIONS_PORT, the port of the running service")
                return .usage
            }
            let (isReady, answer) = try await HealthProbe.ask(
                host: try settings[CommonSettings.operationsHost],
                port: port
            )
            print(answer)
            return isReady ? .success : .failure
        } catch let error as SettingError {
            complain("\(error)")
            return .configuration
        } catch {
            complain("\(description.name): not ready: \(error)")
            return .failure
        }
    }

    private static func complain(_ text: String) {
        try? FileHandle.standardError.write(contentsOf: Data("\(text)\n".utf8))
    }

    private static func end(_ code: ExitCode) -> Never {
        exit(code.rawValue)
    }
}

/// Closes the database's connections when everything that uses them has ended.
private struct PostgresService: Service {
    let client: PostgresClient

    func run() async throws {
        try? await gracefulShutdown()
        await client.close()
    }
}

extension ReadinessChecks {
    /// Adds the check that the database answers.
    fileprivate func addPostgres(_ client: PostgresClient) {
        add("postgres") {
            do {
                try await client.ping()
            } catch let error as PostgresError {
                throw NotReady("\(error)")
            }
        }
    }
}
