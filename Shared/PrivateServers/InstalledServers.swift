/// The servers that can be started privately on this machine, as far as Debian's packages are there.
package enum InstalledServers {
    /// The version of the newest PostgreSQL that can be used; nil for none.
    package static var postgreSQL: String? { PostgreSQLInstallation.find(nil).map { String($0.version) } }

    /// The version of the newest RabbitMQ that can be used; nil for none.
    package static var rabbitMQ: String? { RabbitMQInstallation.newest()?.version }
}
