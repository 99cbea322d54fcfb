import ControlStore
import CouchProtocol
import Foundation
import HTTPTypes
import Hummingbird
import Testing

@testable import ReplicationEndpoint

/// Pages of other sites: what they may read, and what they may do.
@Suite struct CrossOriginTests {
    private static let app = "https://app.example"
    private static let evil = "https://evil.example"

    private func request(
        _ method: HTTPRequest.Method,
        origin: String?,
        host: String = "db.example:5984",
        preflightFor asked: String? = nil
    ) -> Request {
        var head = HTTPRequest(method: method, scheme: "http", authority: host, path: "/db")
        head.headerFields[.origin] = origin
        head.headerFields[.accessControlRequestMethod] = asked
        return Request(head: head, body: RequestBody(buffer: .init()))
    }

    private func policy(_ origins: String...) throws -> CrossOrigin {
        CrossOrigin(try origins.map { try #require(Origin($0)) })
    }

    private func marked(_ policy: CrossOrigin, _ request: Request) -> HTTPFields {
        var response = Response(status: .ok)
        policy.mark(&response, to: request)
        return response.headers
    }

    private var session: Principal {
        Principal(
            name: "u",
            isAdministrator: false,
            groups: [],
            evidence: .session(token: "t", Session(user: "u", isAdministrator: false, expires: .distantFuture))
        )
    }

    @Test func `a listed page is told that it may read, with credentials, and never that all may`() throws {
        let headers = marked(try policy(Self.app), request(.get, origin: Self.app))
        #expect(headers[.accessControlAllowOrigin] == Self.app)
        #expect(headers[.accessControlAllowCredentials] == "true")
        #expect(headers[.vary] == "Origin")
        let exposed = headers[.accessControlExposeHeaders]?.split(separator: ",").map {
            $0.trimmingPrefix { $0 == " " }.lowercased()
        }
        for name in ["content-type", "cache-control", "accept-ranges", "etag", "server"] {
            #expect(exposed?.contains(name) == true)
        }
    }

    @Test(arguments: [
        "https://evil.example", "http://app.example", "https://app.example:8443", "https://app.example.evil", "null",
        "*",
        "HTTPS://APP.EXAMPLE", "https://app.example/", "https://user@app.example", "", "https://app.example https://b",
    ])
    func `any other page is told nothing`(origin: String) throws {
        let policy = try policy(Self.app)
        let headers = marked(policy, request(.get, origin: origin))
        #expect(headers[.accessControlAllowOrigin] == nil)
        #expect(headers[.accessControlAllowCredentials] == nil)
        // So that no cache gives one page's answer to the other.
        #expect(headers[.vary] == "Origin")
        #expect(policy.preflight(request(.options, origin: origin, preflightFor: "PUT")) == nil)
    }

    @Test func `without a list nothing is said`() throws {
        let headers = marked(try policy(), request(.get, origin: Self.app))
        #expect(headers[.accessControlAllowOrigin] == nil && headers[.vary] == nil)
        #expect(try policy().preflight(request(.options, origin: Self.app, preflightFor: "PUT")) == nil)
    }

    @Test func `a preflight of a listed page is answered with what may be sent`() throws {
        let policy = try policy(Self.app, "capacitor://localhost")
        for origin in [Self.app, "capacitor://localhost"] {
            let response = try #require(policy.preflight(request(.options, origin: origin, preflightFor: "PUT")))
            #expect(response.status == .noContent)
            let methods = response.headers[.accessControlAllowMethods] ?? ""
            for method in ["GET", "HEAD", "POST", "PUT", "DELETE", "COPY"] { #expect(methods.contains(method)) }
            let headers = response.headers[.accessControlAllowHeaders] ?? ""
            for name in ["authorization", "content-type", "if-match"] { #expect(headers.contains(name)) }
            #expect(response.headers[.accessControlMaxAge] == "600")
        }
        // An OPTIONS that asks nothing, and something else than an OPTIONS, are requests like any other.
        #expect(policy.preflight(request(.options, origin: Self.app)) == nil)
        #expect(policy.preflight(request(.put, origin: Self.app, preflightFor: "PUT")) == nil)
    }

    @Test(
        arguments: [
            (.put, "https://evil.example", false), (.post, "https://evil.example", false), (.delete, "null", false),
            (HTTPRequest.Method("COPY") ?? .put, "https://evil.example", false), (.get, "https://evil.example", true),
            (.head, "https://evil.example", true), (.put, nil, true), (.put, "https://app.example", true),
            (.put, "http://db.example:5984", true), (.put, "http://db.example", false),
            (.put, "http://db.example:5985", false),
            (.put, "http://sub.db.example:5984", false),
        ] as [(HTTPRequest.Method, String?, Bool)]
    )
    func `a page of another site changes nothing with the user's cookie`(
        method: HTTPRequest.Method,
        origin: String?,
        isAllowed: Bool
    ) throws {
        let policy = try policy(Self.app)
        let request = request(method, origin: origin)
        func isRefused(_ principal: Principal, isLogin: Bool = false) -> Bool {
            (try? policy.check(request, principal, isSecure: false, isLogin: isLogin)) == nil
        }
        #expect(isRefused(session) == !isAllowed)
        // A login from there would make the user somebody else.
        #expect(isRefused(.anonymous, isLogin: true) == !isAllowed)
        // Who shows credentials in the request is not a user whose browser was abused.
        #expect(!isRefused(.anonymous))
    }

    @Test func `the same host means the same port, whether it is written or not, and no fall back from TLS`() throws {
        let policy = try policy()
        func check(_ origin: String, host: String, isSecure: Bool) -> Bool {
            let request = request(.put, origin: origin, host: host)
            return (try? policy.check(request, session, isSecure: isSecure, isLogin: false)) != nil
        }
        #expect(check("https://db.example", host: "db.example", isSecure: true))
        #expect(check("https://db.example", host: "db.example:443", isSecure: true))
        #expect(check("https://db.example", host: "DB.example", isSecure: true))
        #expect(!check("http://db.example", host: "db.example", isSecure: true))
        #expect(check("http://db.example", host: "db.example", isSecure: false))
        #expect(check("http://[::1]:5984", host: "[::1]:5984", isSecure: false))
    }

    @Test(arguments: [
        "*", "null", "", "app.example", "https://", "https://app.example/", "https://app.example/path",
        "https://app.example:443", "http://app.example:80", "https://App.example", "https://a b",
        "https://u:p@app.example",
        "https://*.example", "https://app.example?x",
    ])
    func `what is no exact origin is refused at the start`(text: String) {
        #expect(Origin(text) == nil)
    }

    @Test(arguments: [
        "https://app.example", "http://localhost:8100", "http://[::1]:8080", "capacitor://localhost",
        "ionic://localhost",
        "file://", "http://127.0.0.1", "https://app.example:8443",
    ])
    func `an origin is what browsers write`(text: String) {
        #expect(Origin(text)?.text == text)
    }
}
