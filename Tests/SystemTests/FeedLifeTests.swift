import AsyncHTTPClient
import JSON
import NIOHTTP1
import PrivateServers
import TestSupport
import Testing

extension SystemTests {
    /// How feeds end, and what they cost those who have them open.
    @Suite(.timeLimit(.minutes(30))) struct FeedLifeTests {
        private let path = "/fieldservice/_changes"

        @Test(arguments: ["continuous", "longpoll", "eventsource"])
        func `a feed ends with the session that it was opened in`(feed: String) async throws {
            let system = try await RunningSystem.shared
            let session = try await system.login(Cast.of(system).first)
            let answer = try await session.open("GET", "\(path)?feed=\(feed)&since=now&heartbeat=60000")
            var lines = Lines(answer)
            // It is open, and then it is over, in order.
            if feed == "longpoll" { #expect(try await lines.next() == #"{"results":["#) }
            if feed == "continuous" { #expect(try await lines.next()?.isEmpty == true) }
            #expect(try await session.send("DELETE", "/_session").status == 200)
            var last: String?
            while let line = try await lines.next() { if !line.isEmpty { last = line } }
            if feed != "eventsource" { #expect(last?.contains("\"last_seq\":") == true) }
            #expect(try await session.get(path).status == 401)
        }

        @Test func `groups that are joined and left while a feed is open change what it has`() async throws {
            let system = try await RunningSystem.shared
            let user = try await Cast.of(system).stranger
            let group = uniqueID("group")
            let id = uniqueID("of the group")
            let written = try await system.administrator.send(
                "PUT",
                "/fieldservice/\(segment(id))",
                ["~groups": [.string(group)]]
            )
            #expect(written.status == 201)
            let feed = try await system.login(user).open("GET", "\(path)?feed=continuous&since=now&heartbeat=60000")
            var lines = Lines(feed)
            let membership = "/_fullsync/groups/\(group)/members/\(user)"
            #expect(try await system.administrator.send("PUT", membership).status < 300)
            let joined = try await lines.nextChange()
            #expect(joined?["id"]?.stringValue == id)
            #expect(joined?["deleted"] == nil)
            #expect(try await system.administrator.send("DELETE", membership).status < 300)
            let left = try await lines.nextChange()
            #expect(left?["id"]?.stringValue == id)
            #expect(left?["deleted"] == true)
        }

        @Test func `a selector does not keep from a device what it must forget`() async throws {
            let system = try await RunningSystem.shared
            let cast = try await Cast.of(system)
            let id = uniqueID("mine")
            let admin = system.administrator
            let made = try await admin.send(
                "PUT",
                "/fieldservice/\(segment(id))",
                ["~owner": .string(cast.first), "kind": .string(id)]
            )
            let session = try await system.login(cast.first)
            let body: JSONValue = ["selector": ["kind": .string(id)]]
            let first = try await session.send("POST", "\(path)?filter=_selector", body).json
            #expect(first["results"]?.arrayValue?.count == 1)
            let since = try #require(first["last_seq"]?.stringValue)
            let retagged: JSONValue = [
                "~owner": .string(cast.stranger), "kind": .string(id), "_rev": made.json["rev"] ?? .null,
            ]
            #expect(try await admin.send("PUT", "/fieldservice/\(segment(id))", retagged).status == 201)
            let rows = try await session.send("POST", "\(path)?filter=_selector&since=\(since)", body).json["results"]
            #expect(rows?.arrayValue?.compactMap { $0["id"]?.stringValue } == [id])
            #expect(rows?.arrayValue?.first?["deleted"] == true)
        }

        @Test func `a client that is gone gives its place back, though nothing is sent`() async throws {
            let system = try await RunningSystem.shared
            let session = try await system.login(Cast.of(system).first)
            try await system.withInstance { instance in
                let client = Client(instance.http, session.credentials)
                for feed in ["longpoll", "continuous", "eventsource"] {
                    let waiting = Task {
                        try await client.get("\(path)?feed=\(feed)&since=now&heartbeat=60000")
                    }
                    try await eventually("the feed is open") { try await instance.openFeeds() == 1 }
                    waiting.cancel()
                    _ = await waiting.result
                    try await eventually("no feed is open") { try await instance.openFeeds() == 0 }
                }
            }
        }

        @Test func `users and instances have so many feeds`() async throws {
            let system = try await RunningSystem.shared
            let session = try await system.login(Cast.of(system).first)
            let limits = ["FULLSYNC_FEEDS_PER_USER": "2", "FULLSYNC_FEEDS_PER_INSTANCE": "3"]
            try await system.withInstance(limits) { instance in
                let user = Client(instance.http, session.credentials)
                let admin = Client(instance.http, system.administrator.credentials)
                let live = "\(path)?feed=continuous&since=now&heartbeat=60000"
                let mine = [try await user.open("GET", live), try await user.open("GET", live)]
                let refused = try await user.get(path)
                #expect(refused.status == 429)
                #expect(refused.error == "too_many_requests")
                let theirs = try await admin.open("GET", live)
                let full = try await admin.get(path)
                #expect(full.status == 503)
                #expect(full.reason?.contains("open feeds") == true)
                #expect((mine + [theirs]).allSatisfy { $0.status == .ok })
            }
        }
    }
}

/// A replication endpoint that a test started beside those of the running system.
struct EndpointInstance: Sendable {
    let http: String
    let service: TestService

    /// How many feeds it has open.
    func openFeeds() async throws -> Int { try await metric("fullsync_open_feeds") }

    /// The value of a metric without dimensions; 0 before there is one.
    func metric(_ name: String) async throws -> Int {
        let metrics = try await Client(service.addresses().operations).get("/metrics")
        let line = String(decoding: metrics.bytes, as: UTF8.self).split(separator: "\n")
            .first { $0.hasPrefix("\(name) ") }
        return line?.split(separator: " ").last.flatMap { Double($0) }.map { Int($0) } ?? 0
    }
}

extension RunningSystem {
    /// Runs another endpoint over the same servers for the time of a test.
    func withInstance(
        _ environment: [String: String] = [:],
        _ body: (EndpointInstance) async throws -> Void
    ) async throws {
        let service = try await TestService.start(
            "replication-endpoint",
            [
                "FULLSYNC_POSTGRES_URL": postgres, "FULLSYNC_AMQP_URL": amqp, "FULLSYNC_PORT": "0",
                "FULLSYNC_ADMIN_PASSWORD": password,
                "FULLSYNC_SYMBOL_ERP_URL": erp.base, "FULLSYNC_SYMBOL_ERP_TOKEN": "not needed here",
            ].merging(environment) { _, given in given }
        )
        try await attempt {
            let address = try #require(try await service.addresses().http)
            try await body(EndpointInstance(http: address, service: service))
        } finally: {
            #expect(await service.stop() == .code(0))
        }
    }
}
