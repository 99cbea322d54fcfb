import ControlStore
import CouchProtocol
import DocumentStore
import Hummingbird
import JSON
import Messaging

/// Looking after what is deployed (administrators): `/_fullsync/projects/<project>/listeners` and `…/jobs`, and what
/// can be done with runs.
struct OperationResource: Sendable {
    let listeners: ListenersResource
    let jobs: JobsResource
    let runs: RunsResource

    init(store: DocumentStore, control: ControlStore, catalogue: ProjectCatalogue, broker: MessageBroker) {
        listeners = ListenersResource(store: store, control: control, catalogue: catalogue, broker: broker)
        jobs = JobsResource(control: control, catalogue: catalogue, broker: broker)
        runs = RunsResource(control: control, broker: broker)
    }

    func respond(to exchange: Exchange, _ path: OperationPath) async throws -> Response {
        try exchange.requireAdministrator()
        switch path {
        case .listeners, .listener, .jobs, .job:
            guard exchange.isRead else { throw exchange.methodNotAllowed("GET", "HEAD") }
        case .listenerAction, .jobAction, .runAction:
            guard exchange.method == .post else { throw exchange.methodNotAllowed("POST") }
        }
        switch path {
        case .listeners(let project): return try await listeners.list(project)
        case .listener(let project, let name): return try await listeners.show(name, of: project)
        case .listenerAction(let project, let name, let action):
            return try await listeners.act(exchange, action, name, of: project)
        case .jobs(let project): return try await jobs.list(project)
        case .job(let project, let name): return try await jobs.show(name, of: project)
        case .jobAction(let project, let name, let action):
            return try await jobs.act(exchange, action, name, of: project)
        case .runAction(let id, let action): return try await runs.act(exchange, action, id)
        }
    }
}

extension ProjectCatalogue {
    /// The live project of that name.
    func live(_ name: String) throws(CouchError) -> LiveProject {
        guard let live = current[name] else { throw .notFound("There is no project '\(name)'.") }
        return live
    }
}
