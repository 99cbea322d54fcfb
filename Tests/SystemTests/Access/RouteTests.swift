import Foundation
import JSON
import NIOHTTP1
import TestSupport
import Testing

@testable import ReplicationEndpoint

extension SystemTests {
    /// Every route for every kind of caller: what is not allowed is refused.
    @Suite(.timeLimit(.minutes(30))) struct RouteTests {
        /// What becomes of a request.
        private enum Fate {
            case answered
            /// The route is there, whatever it makes of this request.
            case reached
            case unauthorized
            case forbidden
            case notFound

            func includes(_ status: Int) -> Bool {
                switch self {
                case .answered: 200...299 ~= status
                case .reached: status != 401 && status != 403 && status < 500
                case .unauthorized: status == 401
                case .forbidden: status == 403
                case .notFound: status == 404
                }
            }
        }

        private struct Route {
            let method: String
            let path: String
            let body: String?
            let fates: [Fate]

            init(_ method: String, _ path: String, _ fates: Fate..., body: String? = nil) {
                self.method = method
                self.path = path
                self.body = body
                self.fates = fates
            }
        }

        /// The fate of each request for nobody, for a user, and for the administrator.
        private static let routes = [
            Route("GET", "/", .answered, .answered, .answered),
            Route("GET", "/_up", .answered, .answered, .answered),
            Route("GET", "/_uuids", .answered, .answered, .answered),
            Route("GET", "/_session", .answered, .answered, .answered),
            Route("POST", "/_session", .reached, .reached, .reached, body: "{}"),
            Route("GET", "/_all_dbs", .unauthorized, .forbidden, .answered),
            Route("GET", "/fieldservice", .unauthorized, .answered, .answered),
            Route("PUT", "/other-database", .unauthorized, .forbidden, .reached),
            Route("DELETE", "/no-such-database", .unauthorized, .forbidden, .notFound),
            Route("GET", "/fieldservice/none", .unauthorized, .notFound, .notFound),
            Route("GET", "/fieldservice/_local/none", .unauthorized, .notFound, .notFound),
            Route("GET", "/fieldservice/_all_docs?limit=1", .unauthorized, .answered, .answered),
            Route("GET", "/fieldservice/_changes?limit=1", .unauthorized, .answered, .answered),
            Route("POST", "/fieldservice/_revs_diff", .unauthorized, .answered, .answered, body: "{}"),
            Route("POST", "/fieldservice/_bulk_get", .unauthorized, .answered, .answered, body: #"{"docs":[]}"#),
            Route("POST", "/fieldservice/_bulk_docs", .unauthorized, .answered, .answered, body: #"{"docs":[]}"#),
            Route("POST", "/fieldservice/_ensure_full_commit", .unauthorized, .answered, .answered, body: "{}"),
            Route("POST", "/fieldservice/_find", .unauthorized, .answered, .answered, body: #"{"selector":{}}"#),
            Route("POST", "/fieldservice/_explain", .unauthorized, .answered, .answered, body: #"{"selector":{}}"#),
            Route("GET", "/fieldservice/_index", .unauthorized, .answered, .answered),
            Route("POST", "/fieldservice/_index", .unauthorized, .forbidden, .reached, body: "{}"),
            Route("POST", "/fieldservice/_index/_bulk_delete", .unauthorized, .forbidden, .reached, body: "{}"),
            Route("DELETE", "/fieldservice/_index/none/json/none", .unauthorized, .forbidden, .notFound),
            Route("GET", "/_fullsync/incarnations", .unauthorized, .forbidden, .reached),
            Route("GET", "/_fullsync/projects", .unauthorized, .answered, .answered),
            Route("GET", "/_fullsync/projects/field-service", .unauthorized, .answered, .answered),
            Route("GET", "/_fullsync/projects/field-service/openapi.json", .unauthorized, .answered, .answered),
            Route("GET", "/_fullsync/projects/none/versions", .unauthorized, .forbidden, .notFound),
            Route("POST", "/_fullsync/projects/none/versions", .unauthorized, .forbidden, .notFound, body: "{}"),
            Route("DELETE", "/_fullsync/projects/none", .unauthorized, .forbidden, .notFound),
            Route("PUT", "/_fullsync/projects/none", .unauthorized, .forbidden, .reached, body: "{}"),
            Route(
                "POST",
                "/_fullsync/projects/field-service/sequences/none",
                .notFound,
                .notFound,
                .notFound,
                body: "{}"
            ),
            Route("GET", "/_fullsync/runs", .unauthorized, .forbidden, .answered),
            Route("GET", "/_fullsync/runs/none", .unauthorized, .forbidden, .notFound),
            Route("POST", "/_fullsync/runs/none/retry", .unauthorized, .forbidden, .notFound),
            Route("POST", "/_fullsync/runs/none/cancel", .unauthorized, .forbidden, .notFound),
            Route("POST", "/_fullsync/runs/none/resolve", .unauthorized, .forbidden, .notFound, body: "{}"),
            Route("GET", "/_fullsync/projects/field-service/listeners", .unauthorized, .forbidden, .answered),
            Route("GET", "/_fullsync/projects/field-service/listeners/none", .unauthorized, .forbidden, .notFound),
            Route("POST", "/_fullsync/projects/none/listeners/l/pause", .unauthorized, .forbidden, .notFound),
            Route("GET", "/_fullsync/projects/field-service/jobs", .unauthorized, .forbidden, .answered),
            Route("GET", "/_fullsync/projects/field-service/jobs/none", .unauthorized, .forbidden, .notFound),
            Route("POST", "/_fullsync/projects/none/jobs/j/run", .unauthorized, .forbidden, .notFound),
            Route("GET", "/_fullsync/users", .unauthorized, .forbidden, .answered),
            Route("GET", "/_fullsync/users/none", .unauthorized, .forbidden, .notFound),
            Route("PUT", "/_fullsync/users/none", .unauthorized, .forbidden, .reached, body: "{}"),
            Route("DELETE", "/_fullsync/users/none", .unauthorized, .forbidden, .notFound),
            Route("POST", "/_fullsync/users/none", .unauthorized, .forbidden, .reached),
            Route("GET", "/_fullsync/users/none/groups", .unauthorized, .forbidden, .answered),
            Route("DELETE", "/_fullsync/users/none/sessions", .unauthorized, .forbidden, .answered),
            Route("GET", "/_fullsync/groups", .unauthorized, .forbidden, .answered),
            Route("GET", "/_fullsync/groups/none/members", .unauthorized, .forbidden, .answered),
            Route("PUT", "/_fullsync/groups/g/members/none", .unauthorized, .forbidden, .answered),
            Route("DELETE", "/_fullsync/groups/g/members/none", .unauthorized, .forbidden, .answered),
            Route("GET", "/_fullsync/sessions", .unauthorized, .forbidden, .answered),
            Route("DELETE", "/_fullsync/sessions/none", .unauthorized, .forbidden, .notFound),
            Route("GET", "/_dbs_info", .unauthorized, .forbidden, .answered),
            Route("POST", "/_dbs_info", .unauthorized, .forbidden, .answered, body: #"{"keys":[]}"#),
            Route("GET", "/_active_tasks", .unauthorized, .forbidden, .answered),
            Route("GET", "/_membership", .unauthorized, .forbidden, .answered),
            Route("GET", "/_fullsync/databases/route-tests", .unauthorized, .forbidden, .answered),
            Route("PUT", "/_fullsync/databases/route-tests", .unauthorized, .forbidden, .answered, body: "{}"),
            Route("POST", "/route-tests/_missing_revs", .unauthorized, .answered, .answered, body: "{}"),
            Route("GET", "/route-tests/_design_docs", .unauthorized, .reached, .answered),
            Route("GET", "/route-tests/_local_docs", .unauthorized, .reached, .answered),
            Route("PUT", "/route-tests/_security", .unauthorized, .forbidden, .answered, body: "{}"),
            Route("PUT", "/route-tests/_revs_limit", .unauthorized, .forbidden, .answered, body: "20"),
            Route("PUT", "/route-tests/_purged_infos_limit", .unauthorized, .forbidden, .answered, body: "1000"),
            Route("GET", "/route-tests/_purged_infos", .unauthorized, .forbidden, .answered),
            Route("POST", "/route-tests/_purge", .unauthorized, .forbidden, .reached, body: "{}"),
            Route("POST", "/route-tests/_compact", .unauthorized, .forbidden, .answered, body: "{}"),
            Route("POST", "/route-tests/_view_cleanup", .unauthorized, .forbidden, .answered, body: "{}"),
            Route("GET", "/route-tests/_design/none/_info", .unauthorized, .forbidden, .notFound),
            Route("GET", "/route-tests/_design/none/_view/v", .unauthorized, .reached, .notFound),
            Route("POST", "/route-tests/_design/none/_view/v/queries", .unauthorized, .reached, .reached, body: "{}"),
            Route("POST", "/route-tests/_compact/none", .unauthorized, .forbidden, .reached, body: "{}"),
            Route("PUT", "/route-tests/_design/none", .unauthorized, .forbidden, .answered, body: "{}"),
            Route("GET", "/route-tests/none/attachment", .unauthorized, .notFound, .notFound),
            Route("GET", "/_fullsync/none", .notFound, .notFound, .notFound),
            Route("GET", "/_none", .notFound, .notFound, .notFound),
        ]

        @Test func `a route answers whom it is for, and refuses all others`() async throws {
            let system = try await RunningSystem.shared
            let name = try await system.administrator.makeUser("secret")
            let callers = [
                Client(system.http), try await Client(system.http).login(name, "secret"), system.administrator,
            ]
            _ = try await system.administrator.send("PUT", "/route-tests")
            for route in Self.routes {
                for (caller, fate) in zip(callers, route.fates) {
                    let answer = try await caller.send(route.method, route.path, text: route.body)
                    #expect(
                        fate.includes(answer.status),
                        "\(route.method) \(route.path) as \(caller.credentials): \(answer.status) \(answer.json)"
                    )
                    if answer.status >= 400 { #expect(answer.error != nil && answer.reason != nil) }
                }
            }
            for database in ["/other-database", "/route-tests"] {
                _ = try await system.administrator.send("DELETE", database)
            }
        }

        @Test func `nobody reaches anything in a database, by whatever method, known or new`() async throws {
            let system = try await RunningSystem.shared
            for resource in Resource.DatabaseResource.allCases {
                for method in ["GET", "PUT", "POST", "DELETE", "COPY"] {
                    let body = method == "GET" || method == "DELETE" ? nil : "{}"
                    let path = "/fieldservice/\(resource.rawValue)"
                    let answer = try await Client(system.http).send(method, path, text: body)
                    #expect(answer.status == 401, "\(method) \(path): \(answer.status)")
                }
            }
        }

        @Test func `wrong credentials are refused, whatever comes with them`() async throws {
            let system = try await RunningSystem.shared
            let name = try await system.administrator.makeUser("secret")
            let session = try await Client(system.http).login(name, "secret")
            func status(_ headers: [(String, String)], as client: Client = session) async throws -> Int {
                try await client.send("GET", "/fieldservice", headers: headers).status
            }
            func basic(_ text: String) -> (String, String) {
                ("Authorization", "Basic \(Data(text.utf8).base64EncodedString())")
            }
            #expect(try await status([]) == 200)
            #expect(try await status([basic("\(name):wrong")]) == 401)
            #expect(try await status([("Authorization", "Bearer x.y.z")]) == 401)
            #expect(try await status([("Authorization", "Basic ???")]) == 401)
            #expect(try await status([("Authorization", "Negotiate abc")]) == 401)
            #expect(try await status([basic("\(name):secret"), basic("\(name):secret")]) == 400)
            #expect(try await status([basic("\(name):secret")]) == 200)
            // A cookie that is nobody's is as none, and does not stand in the way of right credentials.
            let forged = Client(system.http, .session("forged"))
            #expect(try await status([], as: forged) == 401)
            #expect(try await status([basic("\(name):secret")], as: forged) == 200)
            #expect(try await forged.get("/").status == 200)
            #expect(
                try await status([("Cookie", "AuthSession=; AuthSession=x; =; ;;")], as: Client(system.http)) == 401
            )
        }

        @Test func `headers of any size get an answer, and the next client does too`() async throws {
            let system = try await RunningSystem.shared
            let name = try await system.administrator.makeUser("secret")
            for size in [10_000, 100_000, 1_000_000] {
                for header in ["Authorization", "Cookie", "X-Something"] {
                    let value = "Basic " + String(repeating: "x", count: size)
                    // A server may also hang up on those.
                    let answer = try? await Client(system.http).send("GET", "/fieldservice", headers: [(header, value)])
                    if let answer { #expect(400...499 ~= answer.status, "\(header) of \(size): \(answer.status)") }
                }
            }
            let session = try await Client(system.http).login(name, "secret")
            #expect(try await session.get("/fieldservice").status == 200)
        }
    }
}
