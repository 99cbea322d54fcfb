import Testing

@testable import BackEndConnector

@Suite struct RedirectsTests {
    private let request = OutgoingRequest(
        method: "GET",
        url: "http://erp:8080/a/b?q=1",
        headers: [("authorization", "Bearer secret"), ("x-api-key", "secret"), ("accept", "application/json")],
        body: nil,
        isIdempotent: true
    )

    private func follow(_ location: String?, status: Int = 302) throws -> OutgoingRequest? {
        var redirects = Redirects(from: request.url)
        return try redirects.next(request, status: status, location: location)
    }

    @Test func `within the origin the request goes on with all that it has`() throws {
        let next = try #require(try follow("../c"))
        #expect(next.url == "http://erp:8080/c")
        #expect(next.headers.map(\.name) == ["authorization", "x-api-key", "accept"])
    }

    @Test(arguments: ["http://other/x", "http://erp/x", "http://erp:8081/x", "https://erp:8080/x", "//other:8080/x"])
    func `another origin sees no credentials`(location: String) throws {
        #expect(try follow(location)?.headers.map(\.name) == ["accept"])
    }

    @Test func `what is no redirect of a reading request is the caller's to see`() throws {
        #expect(try follow("/c", status: 200) == nil)
        #expect(try follow(nil) == nil)
        var redirects = Redirects(from: request.url)
        var change = request
        change.method = "POST"
        #expect(try redirects.next(change, status: 307, location: "/c") == nil)
    }

    @Test(
        arguments: [
            "ftp://erp/x", "file:///etc/passwd", "http://user:word@erp:8080/x", "http://", "http://127.0.0.1:99999/",
            "http://[::1]:65536/", "http://erp:0/",
        ]
    )
    func `an address that may not be followed is refused`(location: String) {
        #expect(throws: ExchangeFailure.self) { try follow(location) }
    }

    @Test func `never from https to http`() {
        var secure = request
        secure.url = "https://erp/a"
        var redirects = Redirects(from: secure.url)
        #expect(throws: ExchangeFailure.redirectRefused("it leads from https to http")) {
            try redirects.next(secure, status: 302, location: "http://erp/a")
        }
    }

    @Test func `a circle and a long chain end`() throws {
        var circle = Redirects(from: request.url)
        let second = try #require(try circle.next(request, status: 302, location: "/2"))
        #expect(throws: ExchangeFailure.redirectRefused("it leads in a circle")) {
            try circle.next(second, status: 302, location: "/a/b?q=1")
        }
        var chain = Redirects(from: request.url)
        for hop in 1...5 { #expect(try chain.next(request, status: 302, location: "/\(hop)") != nil) }
        #expect(throws: ExchangeFailure.redirectRefused("there are more than 5")) {
            try chain.next(request, status: 302, location: "/6")
        }
    }
}
