import Contracts
import ControlStore
import DocumentStore
import Foundation
import JSON
import Logging
import Messaging
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
    let queries: DocumentQueries
    let broker: MessageBroker
    let passwords: PasswordHasher
    let cancellations: RunCancellations
    let logger: Logger

    /// What a caller brings along.
    struct Calling: Sendable {
        /// Those of the user at the call; nil when they are to be looked up.
        var groups: [String]?
        /// What the values of the caller's session are kept under; nil without one.
        var session: String?
        /// What the sequence may know of the request.
        var request: JSONObject = [:]
    }

    /// Runs the sequence.
    ///
    /// - Parameter calling: What the caller who waits brings along; nil when nobody waits.
    /// - Throws: `SequenceFailure`, `UncertainEffect`, `ClaimLost`, `RunCancellations.Cancelled`, or what the servers
    ///   throw.
    func run(_ run: ClaimedRun, calling: Calling? = nil) async throws -> Interpreter.Answer {
        guard let project = try await catalogue.project(run.project, version: run.version) else {
            throw SequenceFailure(code: .notFound, message: "there is no project '\(run.project)'")
        }
        guard let sequence = project.sequences[run.sequence] else {
            throw SequenceFailure(code: .notFound, message: "there is no sequence '\(run.sequence)'")
        }
        var logger = logger
        logger[metadataKey: "run"] = "\(run.id)"
        logger[metadataKey: "sequence"] = "\(run.project)/\(run.sequence)"
        let identity = try await identity(of: run, groups: calling?.groups)
        let scripts = RunScripts(scripts)
        let library = CatalogueLibrary(project: project, others: catalogue)
        let effects = RunEffects(
            run: run,
            project: project,
            store: store,
            control: control,
            connectors: connectors,
            queries: queries,
            broker: broker,
            values: values(of: run, calling?.session),
            passwords: passwords,
            scripts: scripts,
            modules: { library.modules(ofProject: $0) },
            logger: logger
        )
        let interpreter = Interpreter(
            library: library,
            effects: effects,
            turnNaming: run.turnKey.map { .bySubject(runKey: $0) } ?? .byNumber
        )
        let answer: Interpreter.Answer
        do {
            let description = RunDescription(
                id: run.id,
                attempt: run.attempt,
                cause: run.cause.rawValue,
                request: calling?.request ?? [:]
            )
            let work = RunCancellations.Work(run, isAwaited: calling != nil)
            answer = try await cancellations.heeding(work) {
                // Its scripts share the hosts with those of other projects.
                try await ScriptOwner.$current.withValue(run.project) {
                    try await interpreter.run(
                        sequence,
                        variables: run.variables,
                        // A back end may say more of what happened than this project needs, and say more by and by.
                        unknown: run.cause == .notification ? .ignored : .refused,
                        identity: identity,
                        run: description
                    )
                }
            }
            await scripts.end()
        } catch {
            await scripts.end()
            throw error
        }
        try await checkAnswered(run)
        return answer
    }

    /// How many steps a failure names.
    private static let namedSteps = 10

    /// Stops a run at its end that has not come again to what an earlier attempt asked for, and never learned about.
    private func checkAnswered(_ run: ClaimedRun) async throws {
        // At its first attempt it would have stopped where that happened.
        guard run.isRepeated else { return }
        let steps = try await control.unansweredSteps(of: run, limit: Self.namedSteps)
        guard !steps.isEmpty else { return }
        throw UncertainEffect(
            failure: Failure(
                code: "outcome_unknown",
                message: """
                    An earlier attempt asked for something that this one did not come to again, and never learned \
                    whether it happened. Look at the back end, then retry, resolve or cancel the run.
                    """,
                details: ["steps": .array(steps.map(JSONValue.string))],
                effect: .unknown
            )
        )
    }

    private func values(of run: ClaimedRun, _ session: String?) -> ValueHolder? {
        guard let id = session.flatMap({ UUID(uuidString: $0) }) else { return nil }
        return run.cause == .login ? .login(id) : .session(id)
    }

    private func identity(of run: ClaimedRun, groups: [String]?) async throws -> Identity? {
        guard let user = run.user else { return nil }
        if let groups { return Identity(user: user, groups: groups) }
        return Identity(user: user, groups: try await store.groups(of: user).sortedTexts)
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

    /// The texts of a project's modules, by name.
    func modules(ofProject other: String) -> JSONObject {
        library(other)?.modules ?? [:]
    }

    private func library(_ other: String) -> Project? {
        other == project.name ? project : others.current[other]?.project
    }
}
