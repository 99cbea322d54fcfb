import Hummingbird
import JSON
import NIOCore
import Settings

/// The ERP's HTTP API: requests to calls of the stores, and their results to answers.
struct API: Sendable {
    let workOrders: WorkOrderStore
    let directory: DirectoryStore
    let sessions: SessionStore
    let token: Secret

    /// The most bytes of a request's body.
    private static let maximumBody = 1_048_576

    func makeRouter() -> Router<BasicRequestContext> {
        let router = Router()
        router.add(middleware: ErrorMiddleware())
        router.add(middleware: BearerToken(token))
        router.post("sessions", use: createSession)
        router.get("teams") { request, _ in try await list(request, directory.teams) }
        router.get("technicians") { request, _ in try await list(request, directory.technicians) }
        router.get("customers") { request, _ in try await list(request, directory.customers) }
        router.get("parts") { request, _ in try await list(request, directory.parts) }
        router.get("catalogue") { request, _ in try await list(request, directory.catalogue) }
        router.get("work-orders", use: listWorkOrders)
        router.post("work-orders", use: createWorkOrder)
        router.get("work-orders/:number", use: readWorkOrder)
        router.patch("work-orders/:number", use: changeWorkOrder)
        router.post("work-orders/:number/reassign", use: reassignWorkOrder)
        return router
    }

    @Sendable private func createSession(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let body = try await object(of: request)
        guard let user = body["user"]?.stringValue, let password = body["password"]?.stringValue else {
            throw APIError.badRequest("Expected {\"user\": …, \"password\": …}, both strings.")
        }
        guard let technician = try await sessions.authenticate(user: user, password: password) else {
            throw APIError.unauthorized("Name or password is incorrect.")
        }
        return .json(technician)
    }

    private func list(_ request: Request, _ read: (PageRequest) async throws -> Page) async throws -> Response {
        .json(try await read(try PageRequest(QueryParameters(request))).bytes)
    }

    @Sendable private func listWorkOrders(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        let parameters = QueryParameters(request)
        let page = try await workOrders.list(
            try WorkOrderFilter(parameters),
            try PageRequest(parameters)
        )
        return .json(page.bytes)
    }

    @Sendable private func readWorkOrder(_ request: Request, _ context: BasicRequestContext) async throws -> Response {
        .json(try await workOrders.read(try context.parameters.require("number")))
    }

    @Sendable private func changeWorkOrder(_ request: Request, _ context: BasicRequestContext) async throws -> Response
    {
        let change = try WorkOrderChange(try await object(of: request))
        let key = try IdempotencyKey(request.headers)
        return .json(try await workOrders.change(try context.parameters.require("number"), change, key: key))
    }

    @Sendable private func reassignWorkOrder(
        _ request: Request,
        _ context: BasicRequestContext
    ) async throws -> Response {
        let body = try await object(of: request)
        guard let technician = body["technician"]?.stringValue else {
            throw APIError.invalid(member: "technician", reason: "expected a technician's login")
        }
        return .json(try await workOrders.reassign(try context.parameters.require("number"), to: technician))
    }

    @Sendable private func createWorkOrder(_ request: Request, _ context: BasicRequestContext) async throws -> Response
    {
        let order = try NewWorkOrder(try await object(of: request))
        return .json(try await workOrders.create(order), status: .created)
    }

    /// The request's body as a JSON object.
    private func object(of request: Request) async throws -> JSONObject {
        do {
            let buffer = try await request.body.collect(upTo: Self.maximumBody)
            let value = try JSONValue(parsing: Array(buffer.readableBytesView))
            guard let object = value.objectValue else {
                throw APIError.badRequest("Expected a JSON object, found a value of type \(value.typeName).")
            }
            return object
        } catch is NIOTooManyBytesError {
            throw APIError.tooLarge(limit: Self.maximumBody)
        } catch let error as JSONError {
            throw APIError.badRequest("The body is no JSON: \(error).")
        }
    }
}
