import Foundation
import PrivateServers

/// The environment that each service is started with: the operator's own, and what the supervisor knows.
struct ServiceEnvironment: Sendable {
    let settings: ToolSettings
    let home: Home
    /// The directory of the services' programs.
    let programs: String
    let postgres: String
    let amqp: String

    /// The programs that a system without the demo is made of.
    static let programs = [
        "replication-endpoint", "change-listener", "sequence-worker", "scheduler", "back-end-connector", "script-host",
    ]

    /// The demo back end.
    ///
    /// - Parameters:
    ///   - postgres: its own database.
    ///   - token: what the services show it.
    func demoERP(postgres: String, token: String) -> ServiceDefinition {
        var environment = common
        environment["FULLSYNC_ERP_POSTGRES_URL"] = settings.value("FULLSYNC_ERP_POSTGRES_URL") ?? postgres
        environment["FULLSYNC_ERP_TOKEN"] = token
        return ServiceDefinition(
            name: "demo-erp",
            executable: programs + "/demo-erp",
            environment: environment,
            // The services are told its address once.
            stickyPort: "FULLSYNC_ERP_PORT"
        )
    }

    /// The services of the system itself, in the order of their start.
    ///
    /// - Parameter symbols: the values of the projects' symbols that the operator has not set.
    func services(symbols: [String: String]) -> [ServiceDefinition] {
        let workers = (1...settings.workers).map { $0 == 1 ? "sequence-worker" : "sequence-worker-\($0)" }
        let names = ["replication-endpoint", "change-listener"] + workers + ["scheduler", "back-end-connector"]
        return names.map { name in
            var environment = common
            for (symbol, value) in symbols {
                let variable = "FULLSYNC_SYMBOL_" + symbol
                guard settings.value(variable) == nil, settings.value(variable + "_FILE") == nil else { continue }
                environment[variable] = value
            }
            if name == "replication-endpoint" { environment["FULLSYNC_PORT"] = String(settings.port) }
            let program = name.hasPrefix("sequence-worker") ? "sequence-worker" : name
            return ServiceDefinition(name: name, executable: "\(programs)/\(program)", environment: environment)
        }
    }

    /// What every service gets.
    ///
    /// A secret that the operator gave by a file is replaced by its value where it is the supervisor that decides it,
    /// because a setting may not stand in both ways.
    private var common: [String: String] {
        var environment = settings.environment
        for variable in ["FULLSYNC_POSTGRES_URL_FILE", "FULLSYNC_AMQP_URL_FILE", "NOTIFY_SOCKET"] {
            environment[variable] = nil
        }
        environment["FULLSYNC_POSTGRES_URL"] = postgres
        environment["FULLSYNC_AMQP_URL"] = amqp
        environment["FULLSYNC_ADMIN_USER"] = settings.adminUser
        if settings.adminPassword == nil { environment["FULLSYNC_ADMIN_PASSWORD_FILE"] = home.adminPasswordFile }
        environment["FULLSYNC_SCRIPT_HOST"] = programs + "/script-host"
        environment["FULLSYNC_OPERATIONS_PORT"] = "0"
        return environment
    }
}
