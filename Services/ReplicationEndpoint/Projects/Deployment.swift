import Contracts
import ControlStore
import CouchProtocol
import DocumentStore
import JSON
import Logging
import Messaging
import Projects
import ServiceRuntime

/// Makes a version of a project live: its databases and design documents first, then the version itself, for every
/// process at once.
struct Deployment: Sendable {
    let store: DocumentStore
    let control: ControlStore
    let catalogue: ProjectCatalogue
    let broker: MessageBroker
    let symbols: @Sendable (String) -> String?
    let logger: Logger

    /// Checks the files and makes them live.
    ///
    /// - Returns: The number of the version.
    /// - Throws: `ProjectProblems` when the files are no project; nothing is changed then.
    func deploy(_ name: String, _ files: [String: String], by deployer: String) async throws -> Int {
        let project = try Project.read(files, symbol: symbols)
        guard project.name == name else {
            throw CouchError.badRequest("The files are of the project '\(project.name)', not '\(name)'.")
        }
        for database in project.databases.values { try await prepare(database, by: deployer) }
        try await startListeners(of: project)
        let version = try await control.deploy(project: name, files: files, digest: project.digest, by: deployer)
        try await catalogue.refresh()
        do {
            try await broker.announce(.projects)
        } catch {
            logger.warning(
                "The other processes were not told of the deployment; they look for themselves",
                error: error
            )
        }
        logger.notice(
            "Project deployed",
            metadata: ["project": "\(name)", "version": "\(version)", "by": "\(deployer)"]
        )
        return version
    }

    private func prepare(_ definition: DatabaseDefinition, by deployer: String) async throws {
        var settings = DatabaseSettings()
        settings.anonymousRead = definition.anonymous == .read
        settings.publicWrites = definition.publicWrites == .allow
        settings.ownerMember = definition.ownerMember
        settings.groupsMember = definition.groupsMember
        settings.revisionLimit = definition.revisionLimit
        if try await !store.createDatabase(definition.name, settings: settings) {
            try await store.configureDatabase(definition.name, settings)
        }
        let database = try await store.database(definition.name)
        let documents = definition.designDocuments.map { name, members -> JSONObject in
            var document = members
            document["_id"] = .string(DocumentID.design(name).text)
            return document
        }
        guard !documents.isEmpty else { return }
        let post = DocumentPost(
            documents: documents,
            policy: .override,
            ownership: .tags(.none),
            onlyIfChanged: true
        )
        let outcomes = try await store.post(post, to: database, by: .administrator(name: deployer))
        for case .refused(_, let error) in outcomes { throw error }
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
