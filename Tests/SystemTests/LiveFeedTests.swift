import JSON
import PrivateServers
import TestSupport
import Testing

extension SystemTests {
    /// Live feeds: whom they wake, when they end, and their signs of life.
    @Suite(.timeLimit(.minutes(30))) struct LiveFeedTests {
        private let database = "/fieldservice"

        @Test func `a longpoll wakes for what its user may read and for nothing else`() async throws {
            let system = try await RunningSystem.shared
            let cast = try await Cast.of(system)
            try await system.settle()
            let since = try await end(system)
            let (first, stranger) = try await (system.login(cast.first), system.login(cast.stranger))
            let path = "\(database)/_changes?feed=longpoll&since=\(since)&timeout=60000"
            async let one = first.get(path)
            async let other = stranger.get(path)
            let ids = [uniqueID("mine"), uniqueID("theirs")]
            try await write(ids[0], ["~owner": .string(cast.first)], system)
            #expect(try await Self.ids(one.json) == [ids[0]])
            try await write(ids[1], ["~groups": [.string(cast.otherTeam)]], system)
            #expect(try await Self.ids(other.json) == [ids[1]])
        }

        @Test func `a continuous feed has each change for its user, in order, and those of nobody else`() async throws {
            let system = try await RunningSystem.shared
            let cast = try await Cast.of(system)
            try await system.settle()
            let feed = try await system.login(cast.first)
                .open("GET", "\(database)/_changes?feed=continuous&since=\(end(system))&heartbeat=60000")
            var lines = Lines(feed)
            for _ in 0..<5 {
                let ids = ["theirs", "mine", "everybody's"].map { uniqueID($0) }
                try await write(ids[0], ["~owner": .string(cast.stranger)], system)
                try await write(ids[1], ["~groups": [.string(cast.team)]], system)
                try await write(ids[2], [:], system)
                #expect(try await lines.nextChange()?["id"]?.stringValue == ids[1])
                #expect(try await lines.nextChange()?["id"]?.stringValue == ids[2])
            }
        }

        @Test func `signs of life come while nothing happens`() async throws {
            let system = try await RunningSystem.shared
            let cast = try await Cast.of(system)
            for feed in ["continuous", "longpoll"] {
                let answer = try await system.login(cast.first)
                    .open("GET", "\(database)/_changes?feed=\(feed)&since=now&heartbeat=100")
                var lines = Lines(answer)
                if feed == "longpoll" { #expect(try await lines.next() == #"{"results":["#) }
                for _ in 0..<3 { #expect(try await lines.next()?.isEmpty == true) }
            }
        }

        @Test func `a live feed without changes ends at its time, at the present end`() async throws {
            let system = try await RunningSystem.shared
            let cast = try await Cast.of(system)
            try await system.settle()
            let session = try await system.login(cast.first)
            try await write(uniqueID("theirs"), ["~owner": .string(cast.stranger)], system)
            let present = try await end(system)
            let longpoll = try await session.get("\(database)/_changes?feed=longpoll&since=0&limit=1&timeout=100")
            #expect(longpoll.json["results"]?.arrayValue?.count == 1)
            let waited = try await session.get("\(database)/_changes?feed=longpoll&since=\(present)&timeout=100").json
            #expect(waited["results"] == [])
            #expect(waited["last_seq"]?.stringValue == present)
            let continuous = try await session.get("\(database)/_changes?feed=continuous&since=\(present)&timeout=100")
            #expect(continuous.json["last_seq"]?.stringValue == present)
        }

        @Test func `another instance's feed wakes too, and ends when that instance is stopped`() async throws {
            let system = try await RunningSystem.shared
            let cast = try await Cast.of(system)
            let other = try await TestService.start(
                "replication-endpoint",
                [
                    "FULLSYNC_POSTGRES_URL": system.postgres, "FULLSYNC_AMQP_URL": system.amqp, "FULLSYNC_PORT": "0",
                    "FULLSYNC_ADMIN_PASSWORD": system.password,
                    "FULLSYNC_SYMBOL_ERP_URL": system.erp.base, "FULLSYNC_SYMBOL_ERP_TOKEN": "not needed here",
                ]
            )
            let address = try #require(try await other.addresses().http)
            let session = try await system.login(cast.first)
            let feed = try await Client(address, session.credentials)
                .open("GET", "\(database)/_changes?feed=continuous&since=now&heartbeat=60000")
            var lines = Lines(feed)
            let id = uniqueID("mine")
            try await write(id, ["~owner": .string(cast.first)], system)
            #expect(try await lines.nextChange()?["id"]?.stringValue == id)
            other.process.send(.terminate)
            let last = try await lines.nextChange()
            #expect(last?["last_seq"]?.stringValue != nil, "\(String(describing: last))")
            #expect(await other.process.waitForExit() == .code(0))
        }

        private static func ids(_ feed: JSONValue) -> [String] {
            (feed["results"]?.arrayValue ?? []).compactMap { $0["id"]?.stringValue }
        }

        private func end(_ system: RunningSystem) async throws -> String {
            let feed = try await system.administrator.get("\(database)/_changes?since=now").json
            return try #require(feed["last_seq"]?.stringValue)
        }

        private func write(_ id: String, _ document: JSONObject, _ system: RunningSystem) async throws {
            let path = "\(database)/\(segment(id))"
            #expect(try await system.administrator.send("PUT", path, .object(document)).status == 201)
        }
    }
}
