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
        guard settings.postgres == nil else {
            return Finding(state: .good, subject: "PostgreSQL", found: "FULLSYNC_POSTGRES_URL is set")
        }
        guard let version = InstalledServers.postgreSQL else {
            return Finding(
                state: .wrong,
                subject: "PostgreSQL",
                found: "no PostgreSQL from version 15 on",
                help: "apt-get install postgresql, or set FULLSYNC_POSTGRES_URL"
            )
        }
        return Finding(state: .good, subject: "PostgreSQL", found: "version \(version), private")
    }

    private var rabbitMQ: Finding {
        guard settings.amqp == nil else {
            return Finding(state: .good, subject: "RabbitMQ", found: "FULLSYNC_AMQP_URL is set")
        }
        guard let version = InstalledServers.rabbitMQ else {
            return Finding(
                state: .wrong,
                subject: "RabbitMQ",
                found: "no RabbitMQ from version 3.10 on",
                help: "apt-get install rabbitmq-server, or set FULLSYNC_AMQP_URL"
            )
        }
        return Finding(state: .good, subject: "RabbitMQ", found: "version \(version), private")
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
