import JSON
import NIOHTTP1
import TestSupport
import Testing

extension SystemTests {
    /// What pages of other sites can do, over HTTP.
    @Suite(.timeLimit(.minutes(30))) struct BrowserTests {
        @Test func `a preflight of a listed page needs no credentials, any other is a request like any`() async throws {
            let (system, other) = try await (RunningSystem.shared, OtherEndpoint.shared)
            let asked = [("Access-Control-Request-Method", "PUT"), ("Access-Control-Request-Headers", "content-type")]
            let listed = [("Origin", OtherEndpoint.origin)] + asked
            for path in ["/fieldservice/x", "/_session", "/_fullsync/users/x", "/_nothing"] {
                let answer = try await Client(other.http).send("OPTIONS", path, headers: listed)
                #expect(answer.status == 204)
                #expect(answer.headers.first(name: "access-control-allow-origin") == OtherEndpoint.origin)
                #expect(answer.headers.first(name: "access-control-allow-credentials") == "true")
                #expect(answer.headers.first(name: "access-control-allow-methods")?.contains("PUT") == true)
                #expect(answer.bytes.isEmpty)
            }
            let foreign = [("Origin", "https://evil.example")] + asked
            for (base, headers) in [(other.http, foreign), (system.http, listed)] {
                let answer = try await Client(base).send("OPTIONS", "/fieldservice/x", headers: headers)
                #expect(answer.status == 401)
                #expect(answer.headers.first(name: "access-control-allow-origin") == nil)
            }
        }

        @Test func `a listed page may read every answer, errors too, and caches keep pages apart`() async throws {
            let other = try await OtherEndpoint.shared
            let page = [("Origin", OtherEndpoint.origin)]
            for (path, status) in [("/", 200), ("/fieldservice", 401), ("/_nothing", 404)] {
                let answer = try await Client(other.http).send("GET", path, headers: page)
                #expect(answer.status == status)
                #expect(answer.headers.first(name: "access-control-allow-origin") == OtherEndpoint.origin)
                #expect(answer.headers[canonicalForm: "vary"].contains("Origin"))
                #expect(answer.headers.first(name: "x-content-type-options") == "nosniff")
            }
            let none = try await Client(other.http).get("/")
            #expect(none.headers.first(name: "access-control-allow-origin") == nil)
            #expect(none.headers[canonicalForm: "vary"].contains("Origin"))
        }

        @Test func `a page of another site does nothing with the user's cookie, and logs nobody in`() async throws {
            let (system, other) = try await (RunningSystem.shared, OtherEndpoint.shared)
            let name = try await system.administrator.makeUser("secret")
            let session = try await Client(other.http).login(name, "secret")
            let id = uniqueID("forged")
            let foreign = [("Origin", "https://evil.example")]
            let forged = try await session.send("PUT", "/fieldservice/\(id)", headers: foreign, text: "{}")
            #expect(forged.status == 403)
            #expect(forged.error == "forbidden")
            #expect(try await session.get("/fieldservice/\(id)").status == 404)
            #expect(try await session.send("GET", "/fieldservice", headers: foreign).status == 200)
            let body = #"{"name":"\#(name)","password":"secret"}"#
            #expect(try await Client(other.http).send("POST", "/_session", headers: foreign, text: body).status == 403)
            let page = [("Origin", OtherEndpoint.origin)]
            #expect(try await session.send("PUT", "/fieldservice/\(id)", headers: page, text: "{}").status == 201)
            let same = [("Origin", other.http)]
            #expect(try await session.send("PUT", "/fieldservice/\(id)-2", headers: same, text: "{}").status == 201)
            // Credentials in the request itself are no browser's doing.
            let basic = Client(other.http, .basic(name: name, password: "secret"))
            #expect(try await basic.send("PUT", "/fieldservice/\(id)-3", headers: foreign, text: "{}").status == 201)
        }

        @Test func `a 401 opens no window for a password unless the client asks for a challenge`() async throws {
            let system = try await RunningSystem.shared
            let plain = try await Client(system.http).get("/fieldservice")
            #expect(plain.headers.first(name: "www-authenticate") == nil)
            let asked = try await Client(system.http).send(
                "GET",
                "/fieldservice",
                headers: [("X-CouchDB-WWW-Authenticate", "Cookie")]
            )
            #expect(asked.headers.first(name: "www-authenticate") == "Cookie")
        }
    }
}
