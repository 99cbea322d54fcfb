import Contracts
import ControlStore
import CouchProtocol
import DocumentStore
import Logging
import Messaging
import Postgres
import ProjectRuntime
import Projects
import ScriptHosting
import Sequences
import ServiceRuntime

/// Makes a version of a project live everywhere or nowhere, whatever ends in between.
///
/// Its databases, their design documents, where its listeners begin, and the version itself are one transaction. An
/// endpoint has one of these transactions at a time; those of all endpoints take turns, before they lock anything else.
struct Deployment: Sendable {
    let store: DocumentStore
    let control: ControlStore
    let catalogue: ProjectCatalogue
    let broker: MessageBroker
    let scripts: ScriptHostPool
    let symbols: @Sendable (String) -> String?
    let logger: Logger
    private let line = DeploymentLine()

    init(
        store: DocumentStore,
        control: ControlStore,
        catalogue: ProjectCatalogue,
        broker: MessageBroker,
        scripts: ScriptHostPool,
        symbols: @escaping @Sendable (String) -> String?,
        logger: Logger
    ) {
        self.store = store
        self.control = control
        self.catalogue = catalogue
        self.broker = broker
        self.scripts = scripts
        self.symbols = symbols
        self.logger = logger
    }

    /// What became live.
    struct Deployed: Sendable {
        let version: Int
        /// The design documents of an earlier version that were deleted, as `<database>/_design/<name>`.
        let removed: [String]
        /// Those that stay, because they are not as that version had them, or have conflicts.
        let kept: [String]
        /// What the version names of other projects and what is not live.
        var warnings: [String] = []
    }

    /// Checks the files and makes them live.
    ///
    /// - Parameter isKnown: Whether they are those of an earlier version, which are as services read them.
    /// - Throws: `ProjectProblems` when the files are no project, what refuses it, or 503 when others deploy for too
    ///   long; nothing is changed then.
    func deploy(
        _ name: String,
        _ files: [String: String],
        isKnown: Bool = false,
        by deployer: String
    ) async throws -> Deployed {
        let project =
            isKnown
            ? try Project.read(files, symbol: symbols)
            : try await Project.check(files, symbol: symbols) { try await scripts.faults(of: $0) }
        guard project.name == name else {
            throw CouchError.badRequest("The files are of the project '\(project.name)', not '\(name)'.")
        }
        var deployed = try await line.withTurn { try await deploy(project, files, by: deployer) }
        try await announce()
        let others = catalogue.current.filter { $0.key != name }.mapValues(\.project)
        deployed.warnings = project.problems(among: others).map(\.description)
        logger.notice(
            "Project deployed",
            metadata: [
                "project": "\(name)", "version": "\(deployed.version)", "by": "\(deployer)",
                "removed": "\(deployed.removed)", "kept": "\(deployed.kept)",
            ]
        )
        return deployed
    }

    /// How often it is begun anew because others are deployed meanwhile.
    private static let attempts = 20

    private func deploy(_ project: Project, _ files: [String: String], by deployer: String) async throws -> Deployed {
        for _ in 0..<Self.attempts {
            let live = try await control.liveVersions()
            let starts = ListenerStarts(of: project, after: try await lastProject(project.name, live), store: store)
            let dropped = try await DroppedDesigns(by: project, live: live, control, symbol: symbols)
            let changes = Set(project.databases.keys).union(dropped.databases).sorted().map { name in
                DatabaseChange(
                    name,
                    project.databases[name],
                    dropping: dropped.documents[name] ?? [:],
                    andIndexes: dropped.indexes[name] ?? [:]
                )
            }
            do {
                return try await store.change(changes, by: .administrator(name: deployer)) { connection, databases in
                    try await starts.note(in: databases, over: connection)
                    let version = try await control.deploy(
                        project: project.name,
                        files: files,
                        digest: project.digest,
                        jobs: Array(project.jobs.values),
                        by: deployer,
                        over: connection
                    )
                    return Deployed(
                        version: version,
                        removed: databases.values.flatMap { $0.names(\.deleted) }.sorted(),
                        kept: databases.values.flatMap { $0.names(\.kept) }.sorted()
                    )
                } beginning: { connection in
                    // Before the transaction locks anything that others wait for.
                    try await takeTurn(over: connection)
                    let now = try await control.liveVersions(over: connection)
                    // What is dropped is known of these versions.
                    let isSame = dropped.isEmpty ? now[project.name] == live[project.name] : now == live
                    guard isSame else { throw OtherDeployment() }
                }
            } catch is OtherDeployment {
                continue
            }
        }
        throw Self.othersAreUnderWay
    }

    /// The version of a project that is live.
    private func lastProject(_ name: String, _ live: [String: Int]) async throws -> LastProject {
        guard let version = live[name] else { return .none }
        do {
            return try await catalogue.project(name, version: version).map(LastProject.known) ?? .unreadable
        } catch is UnreadableProject {
            return .unreadable
        }
    }

    private static let othersAreUnderWay = CouchError.unavailable("Other deployments are under way. Try again later.")

    /// Waits for the deployments of other endpoints, as long as a statement may take.
    private func takeTurn(over connection: PostgresConnection) async throws {
        do {
            try await control.takeTurn(over: connection)
        } catch let error as PostgresError where error == .timedOut(.statement) || error.sqlState == .queryCanceled {
            throw Self.othersAreUnderWay
        }
    }

    /// Makes the project be live no more: nothing of it can be called, and nothing starts it.
    ///
    /// Its databases stay.
    ///
    /// - Returns: Whether it was live.
    func undeploy(_ name: String, by administrator: String) async throws -> Bool {
        guard try await control.undeploy(project: name) else { return false }
        try await announce()
        logger.notice("Project undeployed", metadata: ["project": "\(name)", "by": "\(administrator)"])
        return true
    }

    private func announce() async throws {
        try await catalogue.refresh()
        do {
            try await broker.announce(.projects)
        } catch {
            logger.warning(
                "The other processes were not told of the deployment; they look for themselves",
                error: error
            )
        }
    }
}

/// Another version of a project has become live meanwhile.
private struct OtherDeployment: Error {}

extension ChangedDatabase {
    /// Some of its documents as people read them.
    fileprivate func names(_ ids: KeyPath<ChangedDatabase, [DocumentID]>) -> [String] {
        self[keyPath: ids].map { "\(database.name)/\($0.text)" }
    }
}
