import Foundation
import PrivateServers
import Settings

/// Runs the whole system: the private servers, the services, the demo; keeps them running; ends them in order.
actor Supervisor {
    /// The last that it says, when all has ended in order.
    static let farewell = "Everything is stopped."

    private let settings: ToolSettings
    private let home: Home
    private let programs: String
    private let console: Console
    /// What was started, in that order.
    private var keepers: [Keeper] = []
    private var addresses: Addresses?
    /// The last one of those who write files.
    private var writing: Task<Void, Never>?

    /// Where the servers are.
    private struct Addresses {
        let postgres: String
        let amqp: String
        let erpPostgres: String
    }

    /// - Parameter programs: the directory of the services' programs.
    init(settings: ToolSettings, home: Home, programs: String, console: Console) {
        self.settings = settings
        self.home = home
        self.programs = programs
        self.console = console
    }

    /// Starts everything, stays until `signals` asks for the end, and ends everything.
    ///
    /// - Throws: when a part cannot be started, after everything that was started is ended again.
    func run(until signals: StopSignals) async throws {
        try home.create()
        let lock = try home.lock()
        guard FreePort.isFree(settings.port) else { throw StartFailure.portTaken(settings.port) }
        // One that was killed may have left what is true no more.
        home.forgetAddresses()
        try home.setSupervisor(true)
        let rotation = Task { await rotateLogs() }
        do {
            try await startUnlessInterrupted(signals)
            printWhereEverythingIs()
            ReadinessNotice.send()
            await signals.wait(for: 1)
            console.print("Stopping.")
        } catch {
            if !keepers.isEmpty { console.print("The start failed; ending what was started.") }
            await end(signals, rotation)
            try? home.setSupervisor(false)
            throw error
        }
        await end(signals, rotation)
        try home.setSupervisor(false)
        withExtendedLifetime(lock) { console.print(Self.farewell) }
    }

    /// Starts everything; a signal meanwhile cancels that.
    private func startUnlessInterrupted(_ signals: StopSignals) async throws {
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                try await self.start()
                return true
            }
            group.addTask {
                await signals.wait(for: 1)
                return false
            }
            let isStarted = try await group.next() ?? false
            group.cancelAll()
            if !isStarted { throw StartFailure.interrupted }
        }
    }

    private func start() async throws {
        console.print("Full Sync starts in \(home.path).")
        await home.endLeftovers { console.print($0) }
        if settings.adminPassword == nil { _ = try TextFile.secret(at: home.adminPasswordFile) }
        let addresses = try await startServers()
        self.addresses = addresses
        let environment = ServiceEnvironment(
            settings: settings,
            home: home,
            programs: programs,
            postgres: addresses.postgres,
            amqp: addresses.amqp
        )
        let symbols = try await startDemoERP(environment, addresses)
        try await startTogether(environment.services(symbols: symbols).map(part))
        await writeFiles()
        if settings.demo { try await deployDemo() }
    }

    /// Starts the private servers that the settings do not replace, both at once.
    private func startServers() async throws -> Addresses {
        let print = progress
        let postgreSQL = PrivatePostgreSQL(
            .init(
                directory: home.path + "/postgres",
                log: home.log(of: "postgresql").path,
                databases: ["fullsync", "erp"]
            )
        )
        let rabbitMQ = PrivateRabbitMQ(
            .init(directory: home.path + "/rabbitmq", log: home.log(of: "rabbitmq").path)
        )
        let postgresPart = settings.postgres == nil ? ServerPart(postgreSQL, progress: print) : nil
        let amqpPart = settings.amqp == nil ? ServerPart(rabbitMQ, progress: print) : nil
        try await startTogether([postgresPart, amqpPart].compactMap { $0 })
        let postgres: String
        let erpPostgres: String
        if let given = settings.postgres {
            (postgres, erpPostgres) = (given.reveal(), given.reveal())
        } else {
            (postgres, erpPostgres) = (try await postgreSQL.address("fullsync"), try await postgreSQL.address("erp"))
        }
        let amqp = await amqpPart?.address ?? settings.amqp?.reveal() ?? ""
        return Addresses(postgres: postgres, amqp: amqp, erpPostgres: erpPostgres)
    }

    /// Starts the demo back end as far as its address is known, and gives the symbols that the demo project needs.
    private func startDemoERP(
        _ environment: ServiceEnvironment,
        _ addresses: Addresses
    ) async throws -> [String: String] {
        guard settings.demo else { return [:] }
        let token = try TextFile.secret(at: home.erpTokenFile)
        let erp = part(environment.demoERP(postgres: addresses.erpPostgres, token: token))
        try await startTogether([erp])
        return ["ERP_URL": await erp.announcement?.http ?? "", "ERP_TOKEN": token]
    }

    private func part(_ definition: ServiceDefinition) -> ServicePart {
        ServicePart(definition, home: home, patience: settings.readyTimeout)
    }

    /// Starts parts that do not wait for one another; the first failure is thrown once all have come to an end.
    private func startTogether(_ parts: [any Part]) async throws {
        let keepers = parts.map { part in
            Keeper(part, progress: progress) { [weak self] in await self?.writeFiles() }
        }
        self.keepers += keepers
        let print = progress
        try await withThrowingTaskGroup(of: Void.self) { group in
            for keeper in keepers {
                group.addTask {
                    try await keeper.start()
                    if keeper.part is ServicePart { print("\(keeper.part.name): ready") }
                }
            }
            try await group.waitForAll()
        }
    }

    private nonisolated var progress: ProgressReport {
        { [console] line in console.print("  " + line) }
    }

    private func deployDemo() async throws {
        let project = try DemoProject.directory(settings: settings, programs: programs)
        try await AdministeredEndpoint(address: endpoint, credentials: credentials).deploy(ProjectFiles(in: project))
        console.print("  field-service: deployed from \(project)")
    }

    /// Ends everything, the last started first; another signal leaves it to the kernel, which tells every child.
    private func end(_ signals: StopSignals, _ rotation: Task<Void, Never>) async {
        rotation.cancel()
        let impatience = Task {
            await signals.wait(for: 2)
            guard !Task.isCancelled else { return }
            console.print("Not waiting any longer.")
            exit(130)
        }
        defer { impatience.cancel() }
        // First whoever takes work from outside, then who does the work, then what all of them need.
        for stage in stages {
            await withTaskGroup { group in
                for keeper in stage {
                    group.addTask {
                        await keeper.stop()
                        self.console.print("  \(keeper.part.name): stopped")
                    }
                }
            }
        }
        keepers = []
        home.forgetAddresses()
    }

    private var stages: [[Keeper]] {
        let services = keepers.filter { $0.part is ServicePart }
        return [
            services.filter { $0.part.name == "replication-endpoint" },
            services.filter { !["replication-endpoint", "demo-erp"].contains($0.part.name) },
            services.filter { $0.part.name == "demo-erp" },
            keepers.filter { $0.part is ServerPart },
        ]
    }
}

// MARK: - What is written and printed

extension Supervisor {
    /// The endpoint's address, without credentials.
    private var endpoint: String { "http://127.0.0.1:\(settings.port)" }

    private var credentials: DemoProject.Credentials {
        let password = settings.adminPassword?.reveal() ?? TextFile.firstLine(of: home.adminPasswordFile) ?? ""
        return DemoProject.Credentials(user: settings.adminUser, password: password)
    }

    /// Writes `endpoints.json` and what `fullsync status` reads, after something has changed.
    ///
    /// One after the other, so that what was found out last is what stays.
    private func writeFiles() async {
        let last = writing
        let task = Task {
            await last?.value
            await writeFilesNow()
        }
        writing = task
        await task.value
    }

    private func writeFilesNow() async {
        guard let addresses else { return }
        var services: [String: String] = [:]
        var entries: [StatusFile.Entry] = []
        for keeper in keepers {
            let operations = await keeper.part.operations
            let isReady = await keeper.state == .ready
            let entry = StatusFile.Entry(
                name: keeper.part.name,
                pid: await keeper.part.pid,
                since: Int(await keeper.since.timeIntervalSince1970),
                restarts: await keeper.restarts,
                operations: operations,
                isReady: isReady
            )
            entries.append(entry)
            if let operations { services[keeper.part.name] = operations }
        }
        let endpoints = EndpointsFile(
            http: credentials.address(of: endpoint),
            amqp: addresses.amqp,
            postgres: addresses.postgres,
            services: services
        )
        do {
            try StatusFile(entries: entries).write(home.statusFile)
            if services.count == keepers.count(where: { $0.part is ServicePart }) {
                try endpoints.write(home.endpointsFile)
            }
        } catch {
            console.print("  \(error)")
        }
    }

    private func rotateLogs() async {
        while !Task.isCancelled {
            for keeper in keepers { keeper.part.log.rotate(above: settings.logSize) }
            home.supervisorLog.rotate(above: settings.logSize)
            try? await Task.sleep(for: .seconds(5))
        }
    }

    private func printWhereEverythingIs() {
        let password = settings.adminPassword == nil ? home.adminPasswordFile : "as FULLSYNC_ADMIN_PASSWORD says"
        let secret = settings.adminPassword == nil ? "$(cat \(home.adminPasswordFile))" : "$FULLSYNC_ADMIN_PASSWORD"
        console.print(
            """

            Full Sync runs.

              endpoint       \(endpoint)
              administrator  \(settings.adminUser)
              password       \(password)
              addresses      \(home.endpointsFile), with their credentials
              logs           \(home.logs)

            Try:

            \(settings.demo ? "  make demo\n" : "")\
              curl -u "\(settings.adminUser):\(secret)" \(endpoint)/_all_dbs
              make stop      (or Ctrl-C, where it runs in the foreground)

            """
        )
    }
}
