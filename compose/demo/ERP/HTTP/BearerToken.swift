import Crypto
import Foundation
import Hummingbird
import Settings

/// Lets only those pass that have the token.
struct BearerToken<Context: RequestContext>: RouterMiddleware {
    private let digest: SHA256Digest

    init(_ token: Secret) {
        digest = SHA256.hash(data: Data(token.reveal().utf8))
    }

    func handle(
        _ request: Request,
        context: Context,
        next: @concurrent (Request, Context) async throws -> Response
    ) async throws -> Response {
        let scheme = "Bearer "
        // Digests compare in constant time and have one length.
        guard let header = request.headers[.authorization], header.hasPrefix(scheme),
            SHA256.hash(data: Data(header.dropFirst(scheme.count).utf8)) == digest
        else { throw APIError.unauthorized("A valid bearer token is required.") }
        return try await next(request, context)
    }
}
