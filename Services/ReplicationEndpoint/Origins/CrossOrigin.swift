import CouchProtocol
import HTTPTypes
import Hummingbird

/// What pages of other sites may do: those on an exact list as much as one's own, all others nothing.
///
/// The list is empty unless it is set. What a page may read is the browser's to enforce, by the `Access-Control-…`
/// headers (CORS); what it may change with the user's cookie is checked here, by `Origin`.
struct CrossOrigin: Sendable {
    private let origins: Set<String>

    /// What pages may read of an answer's headers, as in CouchDB, and what is this server's own.
    private static let exposedHeaders = """
        content-type, cache-control, accept-ranges, content-range, etag, retry-after, server, x-couch-request-id, \
        x-couch-update-newrev, x-couchdb-body-time, x-fullsync-run
        """
    private static let allowedMethods = "GET, HEAD, POST, PUT, DELETE, COPY, OPTIONS"
    /// What pages may send, as in CouchDB, and what conditions, ranges and traces need.
    private static let allowedHeaders = """
        accept, accept-language, authorization, content-length, content-range, content-type, destination, expires, \
        if-match, if-none-match, last-modified, origin, pragma, range, traceparent, x-couch-full-commit, x-couch-id, \
        x-couch-persist, x-couchdb-www-authenticate, x-http-method-override, x-requested-with
        """

    init(_ origins: [Origin]) {
        self.origins = Set(origins.map(\.text))
    }

    /// The answer to a browser that asks before it sends a page's request; nil when this is no such question, or when
    /// the page is none of the list.
    func preflight(_ request: Request) -> Response? {
        guard request.method == .options, request.headers[.accessControlRequestMethod] != nil,
            listed(request) != nil
        else { return nil }
        var response = Response(
            status: .noContent,
            headers: [
                .accessControlAllowMethods: Self.allowedMethods, .accessControlAllowHeaders: Self.allowedHeaders,
                .accessControlMaxAge: "600",
            ]
        )
        // RFC 9110, section 8.6: there is no length of what cannot be there.
        response.headers[.contentLength] = nil
        return response
    }

    /// Says in an answer whether the page that asked may read it.
    func mark(_ response: inout Response, to request: Request) {
        guard !origins.isEmpty else { return }
        // The answer to another page is another one, for caches too.
        response.headers.append(HTTPField(name: .vary, value: "Origin"))
        guard let origin = listed(request) else { return }
        response.headers[.accessControlAllowOrigin] = origin
        response.headers[.accessControlAllowCredentials] = "true"
        response.headers[.accessControlExposeHeaders] = Self.exposedHeaders
    }

    /// Refuses what a page of another site does with the user's cookie, or when it logs the user in as somebody else.
    ///
    /// `SameSite` keeps cookies from most of these, but not from pages of the same site at another origin.
    func check(_ request: Request, _ principal: Principal, isSecure: Bool, isLogin: Bool) throws(CouchError) {
        guard isLogin || principal.token != nil else { return }
        guard request.method != .get, request.method != .head, request.method != .options else { return }
        guard let origin = request.headers[.origin], listed(request) == nil else { return }
        if let origin = Origin(origin), let host = request.head.authority?.lowercased() {
            let isDowngraded = isSecure && origin.scheme == "http"
            if !isDowngraded, origin.isAt(host) { return }
        }
        throw .forbidden("Pages of another origin may not do this with the user's session.")
    }

    private func listed(_ request: Request) -> String? {
        guard let origin = request.headers[.origin], origins.contains(origin) else { return nil }
        return origin
    }
}
