import AsyncHTTPClient
import JSON
import NIOHTTP1
import TestSupport
import Testing

extension SystemTests {
    /// A live feed ends with the right to be heard, at whatever instance it is.
    @Suite(.timeLimit(.minutes(30))) struct FeedEndTests {
        /// A live feed that would go on for an hour.
        private static let path = "/fieldservice/_changes?feed=continuous&since=now&heartbeat=100&timeout=3600000"

        /// Opens a live feed, and waits until it is under way.
        private func open(_ client: Client) async throws -> Lines {
            var lines = Lines(try await client.open("GET", Self.path))
            #expect(try await lines.next()?.isEmpty == true)
            return lines
        }

        /// Opens a live feed whose end is near: of whom `client` makes anew when that came before the feed.
        private func openShortly(_ client: () async throws -> Client) async throws -> Lines {
            var lines: Lines?
            try await eventually("a feed is under way before its time is over") {
                let answer = try await client().open("GET", Self.path)
                guard answer.status == .ok else { return false }
                lines = Lines(answer)
                return true
            }
            return try #require(lines)
        }

        @Test func `with its session, that ended elsewhere`() async throws {
            let (system, other) = try await (RunningSystem.shared, OtherEndpoint.shared)
            let name = try await system.administrator.makeUser("secret")
            let session = try await Client(system.http).login(name, "secret")
            var (here, there) = try await (open(session), open(Client(other.http, session.credentials)))
            #expect(try await session.send("DELETE", "/_session").status == 200)
            #expect(try await here.nextChange()?["last_seq"] != nil)
            #expect(try await there.nextChange()?["last_seq"] != nil)
        }

        @Test func `with the password that it stood on`() async throws {
            let (system, other) = try await (RunningSystem.shared, OtherEndpoint.shared)
            let name = try await system.administrator.makeUser("secret")
            let basic = Client(other.http, .basic(name: name, password: "secret"))
            var feed = try await open(basic)
            let changed = try await system.administrator.send("PUT", "/_fullsync/users/\(name)", ["password": "other"])
            #expect(changed.status == 200)
            #expect(try await feed.nextChange()?["last_seq"] != nil)
        }

        @Test func `with the time of a session, when a login sequence knew its password`() async throws {
            let system = try await RunningSystem.shared
            let name = try await Cast.of(system).first
            let settings = ["FULLSYNC_SESSION_DURATION": "2s", "FULLSYNC_LOGIN_PROJECT": "field-service"]
            try await system.withInstance(settings) { instance in
                let basic = Client(instance.http, .basic(name: name, password: RunningSystem.password(of: name)))
                var feed = try await openShortly { basic }
                #expect(try await feed.nextChange()?["last_seq"] != nil)
            }
        }

        @Test func `with the time of its token`() async throws {
            let other = try await OtherEndpoint.shared
            var feed = try await openShortly {
                Client(other.http, .bearer(OtherEndpoint.token(of: uniqueID("short"), for: 5)))
            }
            #expect(try await feed.nextChange()?["last_seq"] != nil)
        }

        @Test func `and not with anybody else's, and it is told what a new group brings`() async throws {
            let (system, other) = try await (RunningSystem.shared, OtherEndpoint.shared)
            let (name, group) = (try await system.administrator.makeUser("secret"), uniqueID("group"))
            let (id, later) = (uniqueID("before"), uniqueID("after"))
            let tagged: JSONValue = ["~groups": [.string(group)]]
            #expect(try await system.administrator.send("PUT", "/fieldservice/\(id)", tagged).status == 201)
            let session = try await Client(system.http).login(name, "secret")
            var feed = try await open(Client(other.http, session.credentials))
            let bystander = try await Client(system.http).login(try await system.administrator.makeUser("x"), "x")
            #expect(try await bystander.send("DELETE", "/_session").status == 200)
            let member = "/_fullsync/groups/\(group)/members/\(name)"
            #expect(try await system.administrator.send("PUT", member).status == 201)
            #expect(try await feed.nextChange()?["id"]?.stringValue == id)
            #expect(try await system.administrator.send("PUT", "/fieldservice/\(later)", tagged).status == 201)
            #expect(try await feed.nextChange()?["id"]?.stringValue == later)
        }
    }
}
