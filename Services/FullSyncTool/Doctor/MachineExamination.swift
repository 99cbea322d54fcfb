import Foundation
import PrivateServers

/// What a system needs of the machine before it can start.
struct MachineExamination {
    let settings: ToolSettings

    private static let leastSpace = 1 << 30

    var findings: [Finding] {
        [postgreSQL, rabbitMQ] + programs + [space]
    }

    private var postgreSQL: Finding {
        guard settings.postgres == nil else { return Self.isSet("PostgreSQL", "FULLSYNC_POSTGRES_URL") }
        return Self.server(
            "PostgreSQL",
            version: InstalledServers.postgreSQL.map { "\($0)" },
            least: "15",
            package: "postgresql",
            setting: "FULLSYNC_POSTGRES_URL"
        )
    }

    private var rabbitMQ: Finding {
        guard settings.amqp == nil else { return Self.isSet("RabbitMQ", "FULLSYNC_AMQP_URL") }
        return Self.server(
            "RabbitMQ",
            version: InstalledServers.rabbitMQ.map { "\($0)" },
            least: "3.10",
            package: "rabbitmq-server",
            setting: "FULLSYNC_AMQP_URL"
        )
    }

    private static func isSet(_ server: String, _ setting: String) -> Finding {
        Finding(state: .good, subject: server, found: "\(setting) is set")
    }

    /// A server that is to be started here, unless the setting names one.
    private static func server(
        _ name: String,
        version: String?,
        least: String,
        package: String,
        setting: String
    ) -> Finding {
        guard let version else {
            return Finding(
                state: .wrong,
                subject: name,
                found: "no \(name) from version \(least) on",
                help: "apt-get install \(package), or set \(setting)"
            )
        }
        return Finding(state: .good, subject: name, found: "version \(version), private")
    }

    /// The services' programs, in one finding when all are there.
    private var programs: [Finding] {
        guard let directory = try? settings.programs else {
            return [Finding(state: .wrong, subject: "programs", found: "this program's directory is not known")]
        }
        let missing = ServiceEnvironment.programs.filter {
            !FileManager.default.isExecutableFile(atPath: "\(directory)/\($0)")
        }
        guard !missing.isEmpty else { return [Finding(state: .good, subject: "programs", found: directory)] }
        return missing.map {
            Finding(
                state: .wrong,
                subject: $0,
                found: "is not in \(directory)",
                help: "make build, or set FULLSYNC_SERVICES_DIRECTORY"
            )
        }
    }

    private var space: Finding {
        let path = FileManager.default.fileExists(atPath: settings.home) ? settings.home : "."
        let free = (try? FileManager.default.attributesOfFileSystem(forPath: path))?[.systemFreeSize] as? Int
        guard let free else { return Finding(state: .notable, subject: "disk", found: "its free space is not known") }
        let text = "\(free >> 20) MB are free"
        guard free >= Self.leastSpace else {
            return Finding(state: .wrong, subject: "disk", found: text, help: "PostgreSQL stops when it is full")
        }
        return Finding(state: .good, subject: "disk", found: text)
    }
}
