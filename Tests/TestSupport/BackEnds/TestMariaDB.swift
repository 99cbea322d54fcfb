import Foundation
import PrivateServers
import Testing

/// The MariaDB that the tests of a process share, as a back end's database.
package struct TestMariaDB: Sendable {
    /// What it is reached by; its certificate is for `localhost`.
    package let port: Int
    /// The authority that vouches for it, as PEM.
    package let authority: String
    /// A user who may do everything.
    package let user = "fullsync"
    /// Holds what connection strings give a meaning.
    package let password = "pass;w{o}rd'="
    private let socket: String

    /// Started by the first test that asks.
    package static func shared() async throws -> TestMariaDB { try await starter.value }

    private static let starter = Task { try await start() }

    /// Makes a database that no other test has; gives its name.
    package func makeDatabase() async throws -> String {
        let name = "test_" + UUID().uuidString.replacingOccurrences(of: "-", with: "").lowercased()
        try await run("CREATE DATABASE \(name) CHARACTER SET utf8mb4")
        return name
    }

    /// Runs a statement as the superuser, from outside.
    package func run(_ statement: String) async throws {
        try await CommandFailure.check(
            "/usr/bin/mariadb",
            ["--no-defaults", "--socket=\(socket)", "--user=root", "--execute=\(statement)"]
        )
    }

    private static func start() async throws -> TestMariaDB {
        let server = TestServerProcess("mariadb")
        let directory = server.directory
        let certificate = TestCertificate(directory: directory)
        try await certificate.make()
        let account = "--user=" + (Account.isRoot ? "root" : NSUserName())
        try await CommandFailure.check(
            "/usr/bin/mariadb-install-db",
            [
                "--no-defaults", "--datadir=\(directory)/data", "--auth-root-authentication-method=normal",
                "--skip-test-db", account,
            ]
        )
        let mariaDB = { (port: Int) in
            TestMariaDB(port: port, authority: "", socket: directory + "/socket")
        }
        let user = mariaDB(0).user
        let password = mariaDB(0).password.replacingOccurrences(of: "'", with: "''")
        try TextFile.replace(
            directory + "/init.sql",
            with: """
                CREATE USER '\(user)'@'%' IDENTIFIED BY '\(password)';
                GRANT ALL ON *.* TO '\(user)'@'%';

                """
        )
        let port = try await server.start("/usr/sbin/mariadbd") { port in
            [
                "--no-defaults", "--datadir=\(directory)/data", "--socket=\(directory)/socket", "--port=\(port)",
                "--bind-address=127.0.0.1", "--pid-file=\(directory)/pid", "--init-file=\(directory)/init.sql",
                "--ssl-cert=\(certificate.files.certificate)", "--ssl-key=\(certificate.files.key)",
                "--innodb-flush-log-at-trx-commit=0", "--skip-name-resolve", account,
            ]
        }
        let started = TestMariaDB(
            port: port,
            authority: try TextFile.read(certificate.files.certificate),
            socket: directory + "/socket"
        )
        // It listens at its port a little before it listens at its socket.
        try await eventually("MariaDB takes connections at its socket") {
            (try? await started.run("SELECT 1")) != nil
        }
        return started
    }
}
