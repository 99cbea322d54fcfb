import Contracts
import ControlStore
import CouchProtocol
import DocumentStore
import Logging
import Messaging
import ProjectRuntime
import Projects
import ScriptHosting
import ServiceRuntime

/// Makes a version of a project live: its databases and design documents first, then the version itself, for every
/// process at once.
struct Deployment: Sendable {
    let store: DocumentStore
    let control: ControlStore
    let catalogue: ProjectCatalogue
    let broker: MessageBroker
    let scripts: ScriptHostPool
    let symbols: @Sendable (String) -> String?
    let logger: Logger

    /// Checks the files and makes them live.
    ///
    /// - Returns: The number of the version.
    /// - Throws: `ProjectProblems` when the files are no project; nothing is changed then.
    func deploy(_ name: String, _ files: [String: String], by deployer: String) async throws -> Int {
        let project = try await Project.check(files, symbol: symbols) { try await scripts.faults(of: $0) }
        guard project.name == name else {
            throw CouchError.badRequest("The files are of the project '\(project.name)', not '\(name)'.")
        }
        let databases = DatabaseDeployment(store)
        for database in project.databases.values {
            try await databases.prepare(database, by: .administrator(name: deployer))
        }
        try await startListeners(of: project)
        let version = try await control.deploy(
            project: name,
            files: files,
            digest: project.digest,
            jobs: Array(project.jobs.values),
            by: deployer
        )
        try await announce()
        logger.notice(
            "Project deployed",
            metadata: ["project": "\(name)", "version": "\(version)", "by": "\(deployer)"]
        )
        return version
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

    /// Notes from where new listeners listen, before the version is live: what is pushed right after is theirs.
    private func startListeners(of project: Project) async throws {
        for listener in project.listeners.values {
            let database = try await store.database(listener.database)
            let seq = listener.start == .now ? try await store.info(database).updateSeq : 0
            try await control.start(
                Listener.follower(listener.name, of: project.name),
                in: database.name,
                at: Position(incarnation: database.originalIncarnation, seq: seq)
            )
        }
    }
}
