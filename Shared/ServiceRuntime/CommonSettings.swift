package import Logging
package import Settings
package import Telemetry

/// The settings that mean the same in every service.
package enum CommonSettings {
    package static let postgresURL = Setting(
        required: "postgres.url",
        .secretURL(schemes: ["postgresql", "postgres"]),
        "PostgreSQL, the master document store."
    )
    package static let postgresConnections = Setting(
        "postgres.maximumConnections",
        .int(1...500),
        default: 8,
        "The most connections to PostgreSQL that the process opens."
    )
    package static let amqpURL = Setting(
        required: "amqp.url",
        .secretURL(schemes: ["amqp", "amqps"]),
        "RabbitMQ, the transport."
    )
    package static let operationsHost = Setting(
        "operations.host",
        .string,
        default: "127.0.0.1",
        "The address on which /_up and /metrics are served."
    )
    package static let operationsPort = Setting(
        "operations.port",
        .int(0...65_535),
        default: 0,
        "The port of /_up and /metrics; 0 takes a free one."
    )
    package static let announceFile = Setting(
        "announce.file",
        .optional(.string),
        default: nil,
        "A file that is written with the addresses of the process once it listens."
    )
    package static let startTimeout = Setting(
        "start.timeout",
        .duration(.seconds(1) ... .seconds(3_600)),
        default: .seconds(60),
        "How long the servers that the process needs are waited for at start; then it ends with exit code 75."
    )
    package static let shutdownTimeout = Setting(
        "shutdown.timeout",
        .duration(.milliseconds(100) ... .seconds(600)),
        default: .seconds(10),
        "How long work in hand may take to finish after SIGTERM or SIGINT."
    )
    package static let logLevel = Setting(
        "log.level",
        SettingType<Logger.Level>.choice,
        default: .info,
        "The least level that is logged."
    )
    package static let logFormat = Setting(
        "log.format",
        SettingType<LogFormat>.choice,
        default: .logfmt,
        "How a line of the log is written."
    )

    /// The settings of every process, whatever it needs.
    static let ofEveryProcess: [any SettingDeclaration] = [
        operationsHost, operationsPort, announceFile, startTimeout, shutdownTimeout, logLevel, logFormat,
        SettingReader.configurationFile,
    ]
}
