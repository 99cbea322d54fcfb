import Foundation

/// A private PostgreSQL, from Debian's packages.
package actor PrivatePostgreSQL: PrivateServer {
    /// What one is made with.
    package struct Configuration: Sendable {
        /// All that it keeps is here (or linked from here; see ``PostgreSQLDataDirectory``).
        package var directory: String
        /// Its log; nil puts it into the directory.
        package var log: String?
        /// The databases that it has after its start; the first is in the address.
        package var databases: [String]
        /// The superuser's name.
        package var user: String
        /// How long a start may take, recovery after a crash included.
        package var patience: Duration
        /// Whether what it acknowledged survives a crash of the machine; tests do without and are faster.
        package var isDurable: Bool

        package init(
            directory: String,
            log: String? = nil,
            databases: [String] = ["fullsync"],
            user: String = "fullsync",
            patience: Duration = .seconds(120),
            isDurable: Bool = true
        ) {
            self.directory = directory
            self.log = log
            self.databases = databases
            self.user = user
            self.patience = patience
            self.isDurable = isDurable
        }
    }

    package nonisolated let name = "PostgreSQL"
    package nonisolated let log: LogFile
    private let configuration: Configuration
    private let directory: ServerDirectory
    private let process: ServerProcess
    /// The port of the last start; kept for the next one.
    private var port: Int?

    package init(_ configuration: Configuration) {
        self.configuration = configuration
        directory = ServerDirectory(server: "PostgreSQL", path: configuration.directory, log: configuration.log)
        log = directory.log
        // A fast shutdown, then an immediate one.
        process = ServerProcess(
            directory: directory,
            patience: configuration.patience,
            ending: [(.interrupt, .seconds(20)), (.quit, .seconds(5))]
        )
    }

    package func start(_ progress: @escaping ProgressReport) async throws(PrivateServerError) -> String {
        if pid != nil { return try address(configuration.databases.first ?? "postgres") }
        try directory.make(configuration.directory, othersMayPass: Account.isRoot)
        return try await process.locked { () throws(PrivateServerError) in try await startLocked(progress) }
    }

    package var pid: Int32? { process.pid }

    package func waitForExit() async -> ChildProcess.ExitStatus? { await process.waitForExit() }

    package func stop() async { await process.stop() }

    /// The address of one of its databases, credentials included.
    package func address(_ database: String) throws(PrivateServerError) -> String {
        let password = try password()
        return "postgres://\(configuration.user):\(password)@127.0.0.1:\(port ?? 0)/\(database)"
    }

    private func startLocked(_ progress: @escaping ProgressReport) async throws(PrivateServerError) -> String {
        let data = PostgreSQLDataDirectory(
            directory: directory,
            account: try account(),
            user: configuration.user,
            passwordFile: configuration.directory + "/password"
        )
        await directory.endLeftover(.interrupt, progress)
        let installation = try installation(for: data)
        let password = try password()
        if data.version == nil {
            progress("PostgreSQL \(installation.version): making its data directory")
            try await data.create(installation, progress)
        }
        try data.checkOwner()
        progress("PostgreSQL \(installation.version): starting")
        try await launch(installation, data)
        do throws(PrivateServerError) {
            try await createDatabases(installation, data, password)
        } catch {
            await stop()
            throw error
        }
        progress("PostgreSQL \(installation.version): ready on 127.0.0.1:\(port ?? 0)")
        return try address(configuration.databases.first ?? "postgres")
    }

    /// Root starts it as `postgres`, which Debian's package makes; everybody else as themselves.
    private func account() throws(PrivateServerError) -> Account? {
        guard Account.isRoot else { return nil }
        guard let account = Account.named("postgres") else {
            throw directory.failure(.notInstalled(package: "postgresql"))
        }
        return account
    }

    /// The programs for the data: of the version that made them.
    private func installation(for data: PostgreSQLDataDirectory) throws(PrivateServerError) -> PostgreSQLInstallation {
        let version = data.version
        if let installation = PostgreSQLInstallation.find(version) { return installation }
        throw directory.failure(.notInstalled(package: version.map { "postgresql-\($0)" } ?? "postgresql"))
    }

    private func password() throws(PrivateServerError) -> String {
        try directory.attempt("cannot keep the password") {
            try TextFile.secret(at: configuration.directory + "/password")
        }
    }

    private func launch(
        _ installation: PostgreSQLInstallation,
        _ data: PostgreSQLDataDirectory
    ) async throws(PrivateServerError) {
        let fixed = port
        port = try await process.start(onFixedPorts: fixed != nil) { () throws(PrivateServerError) in
            let port = try directory.attempt("no free port") { try fixed ?? FreePort.any() }
            let command = Command(
                installation.program("postgres"),
                ["-D", data.resolved] + PostgreSQLSettings.arguments(port: port, durable: configuration.isDurable),
                environment: ["LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"],
                output: .appended(to: log.path),
                signalWhenParentDies: .interrupt,
                account: data.account
            )
            return (port, command)
        }
    }

    /// Makes the databases that are not there yet.
    private func createDatabases(
        _ installation: PostgreSQLInstallation,
        _ data: PostgreSQLDataDirectory,
        _ password: String
    ) async throws(PrivateServerError) {
        let script = configuration.directory + "/databases.sql"
        try directory.attempt("cannot write \(script)") {
            try TextFile.replace(script, with: configuration.databases.map(Self.creation(of:)).joined())
        }
        try await data.run(
            installation.program("psql"),
            [
                "--host=127.0.0.1", "--port=\(port ?? 0)", "--username=\(configuration.user)", "--dbname=postgres",
                "--no-psqlrc", "--quiet", "--tuples-only", "--set=ON_ERROR_STOP=1", "--file=\(script)",
            ],
            password: password
        )
    }

    /// The script that makes the database `name` when there is none; `CREATE DATABASE` itself has no such clause.
    private static func creation(of name: String) -> String {
        """
        SELECT format('CREATE DATABASE %I', '\(name)')
        WHERE NOT EXISTS (SELECT FROM pg_database WHERE datname = '\(name)') \\gexec

        """
    }
}
