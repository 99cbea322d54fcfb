import Foundation

/// A private RabbitMQ, from Debian's packages.
package actor PrivateRabbitMQ: PrivateServer {
    /// What one is made with.
    package struct Configuration: Sendable {
        /// All that it keeps is here.
        package var directory: String
        /// Its log; nil puts it into the directory.
        package var log: String?
        /// The name of its one user, an administrator.
        package var user: String
        /// What it also listens by TLS with; nil for plain connections alone.
        package var tls: TLSFiles?
        /// How long a start may take.
        package var patience: Duration

        package init(
            directory: String,
            log: String? = nil,
            user: String = "fullsync",
            tls: TLSFiles? = nil,
            patience: Duration = .seconds(120)
        ) {
            self.directory = directory
            self.log = log
            self.user = user
            self.tls = tls
            self.patience = patience
        }
    }

    package nonisolated let name = "RabbitMQ"
    package nonisolated let log: LogFile
    private let configuration: Configuration
    private let directory: ServerDirectory
    private let files: RabbitMQFiles
    private let process: ServerProcess
    /// The port of the last start; kept for the next one.
    private var port: Int?
    /// The port for TLS, likewise.
    private var securePort: Int?
    /// The port of Erlang's own network.
    private var distributionPort = 0
    /// Looks after the queues while the server runs.
    private var elections: Task<Void, Never>?

    package init(_ configuration: Configuration) {
        self.configuration = configuration
        directory = ServerDirectory(server: "RabbitMQ", path: configuration.directory, log: configuration.log)
        files = RabbitMQFiles(directory: directory, user: configuration.user, tls: configuration.tls)
        log = directory.log
        // The server's own orderly end.
        process = ServerProcess(
            directory: directory,
            patience: configuration.patience,
            ending: [(.terminate, .seconds(20))]
        )
    }

    package func start(_ progress: @escaping ProgressReport) async throws(PrivateServerError) -> String {
        if pid != nil { return try address() }
        guard let installation = RabbitMQInstallation.newest() else {
            throw directory.failure(.notInstalled(package: "rabbitmq-server"))
        }
        try directory.make(configuration.directory)
        return try await process.locked { () throws(PrivateServerError) in
            await directory.endLeftover(.terminate, progress)
            progress("RabbitMQ \(installation.version): starting")
            try await launch(installation)
            await electLeaders()
            elections?.cancel()
            elections = Task { await keepElectingLeaders() }
            progress("RabbitMQ \(installation.version): ready on 127.0.0.1:\(port ?? 0)")
            return try address()
        }
    }

    package var pid: Int32? { process.pid }

    package func waitForExit() async -> ChildProcess.ExitStatus? { await process.waitForExit() }

    package func stop() async {
        elections?.cancel()
        await process.stop()
    }

    /// The address by TLS, credentials and the authority to trust included; nil before it runs, or without TLS.
    package func secureAddress() throws(PrivateServerError) -> String? {
        guard let securePort, let tls = configuration.tls else { return nil }
        return "amqps://\(try credentials())@localhost:\(securePort)/%2F?cacertfile=\(tls.authority)"
    }

    /// The name of its one user.
    package nonisolated var user: String { configuration.user }

    /// Has the server evaluate Erlang expressions, as `rabbitmqctl eval` does, a hundred times faster.
    ///
    /// - Throws: when one of them fails: a match that does not hold, for instance.
    package func evaluate(_ expressions: String) async throws(PrivateServerError) {
        let answer = await ErlangCall.evaluate(expressions, in: configuration.directory, port: distributionPort)
        guard answer.isSuccess else {
            throw directory.failure(.preparation("the request was refused:"), answer.lines)
        }
    }

    /// Has each quorum queue that has no leader elect one.
    ///
    /// A queue that was declared within half a second before the server was killed, or before its log system was
    /// restarted within it, is there afterwards, but has no leader and never looks for one: everything that is sent to
    /// it is refused, or waits for ever (RabbitMQ 3.10, Ra 2.2, which writes the queue's name into `names.dets` that
    /// much later). A queue that has a leader takes no notice. A server that does not answer is asked the next time.
    private func electLeaders() async {
        try? await evaluate(
            """
            [catch ra:trigger_election(amqqueue:get_pid(Queue))
                || Queue <- rabbit_amqqueue:list(), amqqueue:get_type(Queue) =:= rabbit_quorum_queue].
            """
        )
    }

    private func keepElectingLeaders() async {
        while pid != nil {
            guard (try? await Task.sleep(for: Self.betweenElections)) != nil else { return }
            await electLeaders()
        }
    }

    private static let betweenElections = Duration.seconds(10)

    /// The virtual host is `/`, which an address spells `%2F`.
    private func address() throws(PrivateServerError) -> String {
        "amqp://\(try credentials())@127.0.0.1:\(port ?? 0)/%2F"
    }

    private func credentials() throws(PrivateServerError) -> String {
        let password = try directory.attempt("cannot keep the password") {
            try TextFile.secret(at: files.passwordFile)
        }
        return "\(configuration.user):\(password)"
    }

    private func launch(_ installation: RabbitMQInstallation) async throws(PrivateServerError) {
        let (fixed, fixedSecure) = (port, securePort)
        (port, securePort, distributionPort) = try await process.start(onFixedPorts: fixed != nil) {
            () throws(PrivateServerError) in
            let (port, securePort, distributionPort) = try directory.attempt("no free port") {
                (try fixed ?? FreePort.any(), try fixedSecure ?? FreePort.any(), try FreePort.any())
            }
            try files.prepare(port: port, securePort: securePort)
            let command = Command(
                installation.server,
                environment: files.environment(distributionPort: distributionPort),
                directory: configuration.directory,
                output: .appended(to: log.path)
            )
            return ((port, securePort, distributionPort), command)
        }
    }
}
