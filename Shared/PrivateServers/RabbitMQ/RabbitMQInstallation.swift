import Foundation

/// The programs of a RabbitMQ, where Debian's packages put them.
struct RabbitMQInstallation: Sendable {
    /// For instance `3.10.8`.
    let version: String

    /// RabbitMQ's own start script.
    ///
    /// Debian's `/usr/sbin/rabbitmq-server` insists on the account `rabbitmq`.
    var server: String { "\(Self.root)/rabbitmq_server-\(version)/sbin/rabbitmq-server" }

    /// The newest installation of 3.10 or later.
    static func newest() -> RabbitMQInstallation? {
        let prefix = "rabbitmq_server-"
        let names = (try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []
        return names.filter { $0.hasPrefix(prefix) }
            .map { RabbitMQInstallation(version: String($0.dropFirst(prefix.count))) }
            .filter { !$0.numbers.lexicographicallyPrecedes([3, 10]) }
            .sorted { $1.numbers.lexicographicallyPrecedes($0.numbers) }
            .first { FileManager.default.isExecutableFile(atPath: $0.server) }
    }

    private var numbers: [Int] { version.split(separator: ".").map { Int($0) ?? 0 } }

    private static let root = "/usr/lib/rabbitmq/lib"
}
