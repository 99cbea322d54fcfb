import Contracts
import ControlStore
import DocumentStore
import JSON
import Logging
import Projects
import ScriptHosting
import Sequences

/// Runs the sequence of a claimed run to its end.
struct SequenceRunner: Sendable {
    let catalogue: ProjectCatalogue
    let store: DocumentStore
    let control: ControlStore
    let scripts: ScriptHostPool
    let connectors: ConnectorCaller
    let passwords: PasswordHasher
    let logger: Logger

    /// Runs the sequence.
    ///
    /// - Throws: `SequenceFailure`, `UncertainEffect`, `ClaimLost`, or what the servers throw.
    func run(_ run: ClaimedRun, groups: [String]?) async throws -> Interpreter.Answer {
        guard let project = try await catalogue.project(run.project, version: run.version) else {
            throw SequenceFailure(code: .notFound, message: "there is no project '\(run.project)'")
        }
        guard let sequence = project.sequences[run.sequence] else {
            throw SequenceFailure(code: .notFound, message: "there is no sequence '\(run.sequence)'")
        }
        var logger = logger
        logger[metadataKey: "run"] = "\(run.id)"
        logger[metadataKey: "sequence"] = "\(run.project)/\(run.sequence)"
        let identity = try await identity(of: run, groups: groups)
        let scripts = RunScripts(scripts)
        let effects = RunEffects(
            run: run,
            project: project,
            store: store,
            control: control,
            connectors: connectors,
            passwords: passwords,
            scripts: scripts,
            logger: logger
        )
        let interpreter = Interpreter(
            library: CatalogueLibrary(project: project, others: catalogue),
            effects: effects
        )
        do {
            let answer = try await interpreter.run(
                sequence,
                variables: run.variables,
                identity: identity,
                run: RunDescription(id: run.id, attempt: run.attempt, cause: run.cause.rawValue)
            )
            await scripts.end()
            return answer
        } catch {
            await scripts.end()
            throw error
        }
    }

    private func identity(of run: ClaimedRun, groups: [String]?) async throws -> Identity? {
        guard let user = run.user else { return nil }
        if let groups { return Identity(user: user, groups: groups) }
        return Identity(user: user, groups: try await store.groups(of: user).sorted())
    }
}

/// The sequences that a run may call: those of its own project's version, and of the others as they are live.
private struct CatalogueLibrary: SequenceLibrary {
    let project: Project
    let others: ProjectCatalogue

    func sequence(_ name: String, inProject other: String) -> SequenceDefinition? {
        library(other)?.sequences[name]
    }

    func symbols(ofProject other: String) -> JSONObject {
        library(other)?.symbols ?? [:]
    }

    private func library(_ other: String) -> Project? {
        other == project.name ? project : others.current[other]?.project
    }
}
