import Foundation
import Settings

/// What `run` and `start` are set with; the contract names the variables.
struct ToolSettings: Sendable {
    let home: String
    let port: Int
    let workers: Int
    let demo: Bool
    let demoProject: String?
    let postgres: Secret?
    let amqp: Secret?
    let adminUser: String
    /// As the operator set it; nil when the home keeps one.
    let adminPassword: Secret?
    let servicesDirectory: String?
    let readyTimeout: Duration
    let logSize: Int
    /// The whole environment, which the services get too.
    let environment: [String: String]

    /// Reads the settings of this process.
    init(environment: [String: String] = ProcessInfo.processInfo.environment) throws {
        let reader = try SettingReader(environment: environment)
        try reader.check(Self.all)
        home = try reader[Self.homeSetting]
        port = try reader[Self.portSetting]
        workers = try reader[Self.workersSetting]
        demo = try reader[Self.demoSetting]
        demoProject = try reader[Self.demoProjectSetting]
        postgres = try reader[Self.postgresSetting]
        amqp = try reader[Self.amqpSetting]
        adminUser = try reader[Self.adminUserSetting]
        adminPassword = try reader[Self.adminPasswordSetting]
        servicesDirectory = try reader[Self.servicesDirectorySetting]
        readyTimeout = try reader[Self.readyTimeoutSetting]
        logSize = try reader[Self.logSizeSetting]
        self.environment = environment
    }

    private static let homeSetting = Setting("home", .string, default: ".fullsync", "The directory with all state.")
    private static let portSetting = Setting(
        "port",
        .int(1...65_535),
        default: 5_984,
        "The port of the replication endpoint."
    )
    private static let workersSetting = Setting("workers", .int(1...64), default: 1, "How many sequence workers run.")
    private static let demoSetting = Setting(
        "demo",
        .bool,
        default: true,
        "Whether the demo back end runs and the demo project is deployed."
    )
    private static let demoProjectSetting = Setting(
        "demo.project",
        .optional(.string),
        default: nil,
        "The demo project's directory, when it is not in the clone."
    )
    private static let postgresSetting = Setting(
        "postgres.url",
        .optional(.secretURL(schemes: ["postgresql", "postgres"])),
        default: nil,
        "A PostgreSQL to use instead of a private one."
    )
    private static let amqpSetting = Setting(
        "amqp.url",
        .optional(.secretURL(schemes: ["amqp", "amqps"])),
        default: nil,
        "A RabbitMQ to use instead of a private one."
    )
    private static let adminUserSetting = Setting("admin.user", .string, default: "admin", "The administrator's name.")
    private static let adminPasswordSetting = Setting(
        "admin.password",
        .optional(.secret),
        default: nil,
        "The administrator's password; without it the first start makes one, in FULLSYNC_HOME/admin-password."
    )
    private static let servicesDirectorySetting = Setting(
        "services.directory",
        .optional(.string),
        default: nil,
        "Where the services' programs are, when they are not beside this one."
    )
    private static let readyTimeoutSetting = Setting(
        "ready.timeout",
        .duration(.seconds(1) ... .seconds(3_600)),
        default: .seconds(180),
        "How long a service may take to be ready at the first start."
    )
    private static let logSizeSetting = Setting(
        "log.maximumSize",
        .bytes(65_536...1_073_741_824),
        default: 16_777_216,
        "The size at which a log is moved to <name>.log.1 and begun anew."
    )

    private static let all: [any SettingDeclaration] = [
        homeSetting, portSetting, workersSetting, demoSetting, demoProjectSetting, postgresSetting, amqpSetting,
        adminUserSetting, adminPasswordSetting, servicesDirectorySetting, readyTimeoutSetting, logSizeSetting,
        SettingReader.configurationFile,
    ]

    /// The port of the home's endpoint, whatever `FULLSYNC_PORT` says to those who only ask it something.
    var endpointPort: Int { Home(home).endpointPort ?? port }

    /// A variable of the environment; an empty one counts as not set.
    func value(_ variable: String) -> String? {
        environment[variable].flatMap { $0.isEmpty ? nil : $0 }
    }

    /// The settings, for `--help`.
    static var help: String {
        all.map { setting in
            let name = setting.fileVariable.map { "\(setting.variable) or \($0)" } ?? setting.variable
            return "  \(name) (default \(setting.defaultText ?? "none"))\n      \(setting.summary)"
        }.joined(separator: "\n")
    }
}
