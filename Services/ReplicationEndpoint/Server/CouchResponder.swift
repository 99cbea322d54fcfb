import ControlStore
import CouchProtocol
import DocumentStore
import HTTPTypes
import Hummingbird
import JSON
import Logging
import Metrics
import NIOHTTP1
import Postgres
import Telemetry

/// Answers every request: finds out who sent it, what it names, and hands it to that resource.
///
/// Whatever a resource throws becomes CouchDB's `{"error", "reason"}`; what is not meant for clients stays in the log.
struct CouchResponder: HTTPResponder {
    typealias Context = EndpointContext

    let callers: Callers
    let limits: EndpointLimits
    let bodies: BodyMemory
    let resources: Resources
    let logger: Logger

    /// How long requests took, by the hundreds of their status, from 1.
    private static let durations = (1...5).map { hundreds in
        Timer(label: "fullsync_http_request_duration", dimensions: [("status", "\(hundreds)xx")])
    }

    func respond(to request: Request, context: Context) async throws -> Response {
        let trace =
            request.headers[HTTPHeader.traceparent].flatMap(TraceContext.init(traceparent:))?.makeChild() ?? .makeRoot()
        return await TraceContext.$current.withValue(trace) {
            let began = ContinuousClock.now
            var response: Response
            do {
                let client = callers.client(of: request, from: context)
                if let preflight = callers.origins.preflight(request) {
                    response = preflight
                } else {
                    response = try await answer(request, context, from: client)
                }
            } catch let error as MethodNotAllowed {
                response = .failure(.methodNotAllowed(error.allowed))
                response.headers[.allow] = error.allowed.joined(separator: ",")
            } catch let error as TooManyGuesses {
                response = .failure(error.error)
                response.headers[.retryAfter] = String(Int(error.wait.seconds.rounded(.up)))
            } catch {
                response = .failure(couchError(error, request))
            }
            if request.method == .head { response = response.createHeadResponse() }
            response.headers[.server] = "FullSync"
            callers.finish(&response, to: request)
            Self.durations[min(max(response.status.code / 100, 1), 5) - 1]
                .record(duration: ContinuousClock.now - began)
            return response
        }
    }

    private func answer(
        _ request: Request,
        _ context: Context,
        from client: ClientConnection
    ) async throws -> Response {
        guard request.head.path?.utf8.count ?? 0 <= limits.address else { throw CouchError.addressTooLong }
        // Nothing is called so, and PostgreSQL takes no such text.
        guard !request.uri.path.contains("%00") else {
            throw CouchError.badRequest("The address names something with U+0000 in it.")
        }
        guard let resource = Resource(path: request.uri.path) else { throw CouchError.notFound("missing") }
        let principal = try await callers.admit(request, from: client, to: resource)
        var request = request
        if request.head.awaitsContinue {
            request.body = RequestBody(asyncSequence: AwaitedBody(body: request.body, channel: context.channel))
        }
        let exchange = Exchange(
            request: request,
            method: request.meantMethod,
            principal: principal,
            sender: { [callers] in try await callers.authenticator.current(principal) },
            client: client,
            channel: context.channel,
            query: Query(request.uri.query),
            limits: limits,
            bodyShare: BodyShare(of: bodies, for: principal.name ?? client.addressText ?? "")
        )
        var response = try await resources.respond(to: exchange, resource)
        try await callers.prolongSession(of: principal, in: &response, for: client)
        return response
    }

    private func couchError(_ error: any Error, _ request: Request) -> CouchError {
        if let error = error as? CouchError { return error }
        if let error = error as? PostgresError, error.sqlState == .characterNotInRepertoire {
            return .badRequest("A name or a parameter has U+0000 in it.")
        }
        if let error = error as? HTTPParserError {
            // Of the body: its chunks are none, or it ends before its end.
            logger.debug("A request's body could not be read", metadata: ["error": "\(error)"])
            return .badRequest("The request's body breaks HTTP: \(error).")
        }
        logger.error(
            "A request failed",
            metadata: ["method": "\(request.method)", "path": "\(request.uri.path)", "error": "\(error)"]
        )
        return .internalError
    }
}

/// The resources of the endpoint.
struct Resources: Sendable {
    let server: ServerResources
    let session: SessionResource
    let database: DatabaseResource
    let document: DocumentResource
    let design: DesignResource
    let changes: ChangesResource
    let sequence: SequenceResource
    let project: ProjectResource
    let runs: RunsResource
    let operations: OperationResource
    let users: UsersResource
    let groups: GroupsResource
    let sessions: SessionsResource
    let views: ViewResource
    let store: DocumentStore

    // What needs nothing but the store.
    private var maintenance: MaintenanceResource { MaintenanceResource(store: store, changes: groups.changes) }
    private var settings: SettingsResource { SettingsResource(store: store, changes: groups.changes) }
    private var finding: FindResource { FindResource(indexes: views.indexes, catalogue: views.queries) }
    private var index: IndexResource { IndexResource(store: store, catalogue: views.queries) }
    private var attachment: AttachmentResource { AttachmentResource(store: store) }
    private var bulkDocuments: BulkDocuments { BulkDocuments(store: store) }
    private var bulkGet: BulkGet { BulkGet(store: store) }
    private var difference: RevisionsDifference { RevisionsDifference(store: store) }
    private var allDocuments: AllDocuments { AllDocuments(store: store) }
    private var local: LocalResource { LocalResource(store: store) }
    private var localList: LocalDocumentList { LocalDocumentList(store: store) }

    func respond(to exchange: Exchange, _ resource: Resource) async throws -> Response {
        switch resource {
        case .welcome: try server.welcome(exchange)
        case .up: try await server.up(exchange)
        case .uuids: try server.uuids(exchange)
        case .allDatabases: try await server.allDatabases(exchange)
        case .databasesInfo: try await server.databasesInfo(exchange)
        case .activeTasks: try server.activeTasks(exchange)
        case .membership: try server.membership(exchange)
        case .session: try await session.respond(to: exchange)
        case .database(let name): try await database.respond(to: exchange, name)
        case .databaseResource(let name, let resource):
            try await respond(to: exchange, resource, in: store.openDatabase(name, for: exchange.caller))
        case .document(let name, let id):
            try await document.respond(to: exchange, id, in: store.openDatabase(name, for: exchange.caller))
        case .attachment(let name, let id, let attachmentName):
            try await attachment.respond(
                to: exchange,
                AttachmentResource.Target(
                    id: id,
                    name: attachmentName,
                    database: store.openDatabase(name, for: exchange.caller)
                )
            )
        case .local(let database, let name):
            try await local.respond(to: exchange, name, in: store.openDatabase(database, for: exchange.caller))
        case .misnamed(let name): throw try await misnamed(exchange, name)
        case .designFunction(let database, let name, let function):
            try await design.respond(
                to: exchange,
                design: name,
                function,
                in: store.openDatabase(database, for: exchange.caller)
            )
        case .compactDesign(let database, let name):
            try await maintenance.compact(
                exchange,
                design: name,
                in: store.openDatabase(database, for: exchange.caller)
            )
        case .index(let database, let target):
            try await index.delete(exchange, target, in: store.openDatabase(database, for: exchange.caller))
        case .view(let database, let path):
            try await views.respond(to: exchange, path, in: store.openDatabase(database, for: exchange.caller))
        case .viewQueries(let database, let path):
            try await views.respondToQueries(exchange, path, in: store.openDatabase(database, for: exchange.caller))
        case .designInfo(let database, let design):
            try await views.info(exchange, design, in: store.openDatabase(database, for: exchange.caller))
        case .settings(let database): try await settings.respond(to: exchange, database)
        case .incarnations: try await IncarnationResource(store: store).respond(to: exchange)
        case .projects: try project.list(exchange)
        case .project(let name): try await project.respond(to: exchange, name)
        case .projectVersions(let name): try await project.versions.respond(to: exchange, name)
        case .openAPI(let name): try project.openAPI(exchange, name)
        case .sequence(let project, let name): try await sequence.respond(to: exchange, project: project, name: name)
        case .runs: try await runs.list(exchange)
        case .run(let id): try await runs.show(exchange, id)
        case .operation(let path): try await operations.respond(to: exchange, path)
        case .users: try await users.list(exchange)
        case .user(let name): try await users.respond(to: exchange, name)
        case .userGroups(let name): try await users.groups(exchange, of: name)
        case .userSessions(let name): try await sessions.endAll(exchange, of: name)
        case .groups: try await groups.list(exchange)
        case .groupMembers(let group): try await groups.members(exchange, of: group)
        case .groupMember(let group, let user): try await groups.member(exchange, user, of: group)
        case .sessions: try await sessions.list(exchange)
        case .sessionOf(let id): try await sessions.end(exchange, id)
        }
    }

    /// The answer to who asks for what there cannot be: as in CouchDB, it is missing, and cannot be written.
    private func misnamed(_ exchange: Exchange, _ name: Resource.Misnomer) async throws -> CouchError {
        _ = try await store.openDatabase(name.database, for: exchange.caller)
        let isWrite = exchange.method == .put || exchange.method == .post
        if isWrite { try exchange.requireUser() }
        return name.isMissing && !isWrite ? .missing : name.error
    }

    private func respond(
        to exchange: Exchange,
        _ resource: Resource.DatabaseResource,
        in database: Database
    )
        async throws -> Response
    {
        switch resource {
        case .allDocuments: return try await allDocuments.respond(to: exchange, onlyDesigns: false, in: database)
        case .allDocumentsQueries:
            return try await allDocuments.respondToQueries(exchange, onlyDesigns: false, in: database)
        case .designDocuments: return try await allDocuments.respond(to: exchange, onlyDesigns: true, in: database)
        case .designDocumentsQueries:
            return try await allDocuments.respondToQueries(exchange, onlyDesigns: true, in: database)
        case .localDocuments: return try await localList.respond(to: exchange, in: database)
        case .changes: return try await changes.respond(to: exchange, in: database)
        case .bulkDocuments: return try await bulkDocuments.respond(to: exchange, in: database)
        case .bulkGet: return try await bulkGet.respond(to: exchange, in: database)
        case .revisionsDifference: return try await difference.respond(to: exchange, .difference, in: database)
        case .missingRevisions: return try await difference.respond(to: exchange, .missing, in: database)
        case .ensureFullCommit:
            return try await ensureFullCommit(exchange, in: database)
        case .security: return try await maintenance.security(exchange, in: database)
        case .revisionLimit: return try await maintenance.revisionLimit(exchange, in: database)
        case .purge: return try await maintenance.purge(exchange, in: database)
        case .purgedInfos: return try await maintenance.purgedInfos(exchange, in: database)
        case .purgedInfosLimit: return try await maintenance.purgedInfosLimit(exchange, in: database)
        case .compact: return try await maintenance.compact(exchange, design: nil, in: database)
        case .find: return try await finding.find(exchange, in: database)
        case .explain: return try await finding.explain(exchange, in: database)
        case .index: return try await index.respond(to: exchange, in: database)
        case .indexBulkDelete: return try await index.deleteAll(exchange, in: database)
        case .viewCleanup: return try await views.cleanUp(exchange, in: database)
        }
    }

    /// Every write is durable when it is answered, so there is nothing to ensure.
    private func ensureFullCommit(_ exchange: Exchange, in database: Database) async throws -> Response {
        guard exchange.method == .post else { throw exchange.methodNotAllowed("POST") }
        try exchange.requireJSON()
        let start = try await store.info(database).createdSecondsSince1970
        return .json(["ok": true, "instance_start_time": .string(String(start))], status: .created)
    }
}
