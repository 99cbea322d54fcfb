import Hummingbird
import JSON
import Logging
import Postgres

/// Makes every error an answer in JSON; what nobody foresaw is a bare 500 and a line in the log.
struct ErrorMiddleware<Context: RequestContext>: RouterMiddleware {
    func handle(
        _ request: Request,
        context: Context,
        next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        do {
            return try await next(request, context)
        } catch let error as APIError {
            return error.response
        } catch let error as PostgresError where error.isUnavailable {
            context.logger.warning("The database does not answer", error: error)
            return APIError.unavailable.response
        } catch let error as HTTPError {
            return .json(
                ["error": "http", "message": .string(error.status.reasonPhrase)],
                status: error.status
            )
        } catch {
            context.logger.error("A request failed", error: error, metadata: ["path": "\(request.uri.path)"])
            return .json(["error": "internal", "message": "Something went wrong."], status: .internalServerError)
        }
    }
}
