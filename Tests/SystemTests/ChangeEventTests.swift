import Contracts
import JSON
import Logging
import Messaging
import Synchronization
import TestSupport
import Testing

extension SystemTests {
    /// What anybody hears who binds a queue to `fullsync.changes` (contract, section 3).
    @Suite(.timeLimit(.minutes(30))) struct ChangeEventTests {
        /// The changes of a database, as a queue of the test's own has them.
        private struct Hearing {
            let system: RunningSystem
            let database: String
            let heard: Collected

            var path: String { "/" + database.replacing("/", with: "%2F") }

            /// The events, once there are so many; each is told at least once, and counts once.
            func events(_ count: Int) async throws -> [IncomingMessage] {
                func once() -> [IncomingMessage] {
                    var known: Set<String?> = []
                    return heard.messages.filter { known.insert($0.messageID).inserted }
                }
                try await eventually("\(count) changes of \(database) are heard") { once().count >= count }
                return once()
            }

            /// Writes a document, and answers its revision.
            func put(_ id: String, _ body: JSONObject, after revision: String? = nil) async throws -> String {
                var body = body
                if let revision { body["_rev"] = .string(revision) }
                let answer = try await system.administrator.send("PUT", "\(path)/\(id)", .object(body))
                return try #require(answer.json["rev"]?.stringValue, "\(answer.json)")
            }
        }

        private final class Collected: Sendable {
            private let state = Mutex<[IncomingMessage]>([])
            var messages: [IncomingMessage] { state.withLock(\.self) }
            func append(_ message: IncomingMessage) { state.withLock { $0.append(message) } }
        }

        /// Makes a database, and hears its changes while the body runs.
        private func hearing(_ name: String, _ body: (Hearing) async throws -> Void) async throws {
            let system = try await RunningSystem.shared
            let database = uniqueID(name)
            let queue = uniqueID("hearing")
            let topology = Topology(
                // As it must be there already: another kind, or one that does not last, were an error.
                exchanges: [Exchange(ExchangeName.changes, .topic)],
                queues: [Queue(queue, .ofConnection(maxLength: 1_000))],
                bindings: [Binding(exchange: ExchangeName.changes, queue: queue, routingKey: database)]
            )
            let hearing = Hearing(system: system, database: database, heard: Collected())
            try await TestBroker.with(system, topology: topology) { broker in
                let listening = Task {
                    try await broker.consume(queue, concurrency: 1) { delivery in
                        let message = delivery.message
                        hearing.heard.append(message)
                        delivery.acknowledge()
                    }
                }
                defer { listening.cancel() }
                try #require(try await system.administrator.send("PUT", hearing.path).status == 201)
                try await body(hearing)
            }
        }

        /// A body without what differs each time.
        private func expect(_ message: IncomingMessage, _ hearing: Hearing, _ expected: JSONObject) throws {
            let body = try #require(try JSONValue(parsing: message.body).objectValue)
            let members: JSONObject = [
                "database": .string(hearing.database), "incarnation": body["incarnation"] ?? .null,
                "seq": body["seq"] ?? .null,
            ]
            #expect(body == members.merging(expected))
            #expect(body["incarnation"]?.stringValue?.isEmpty == false)
            #expect(body["seq"]?.intValue != nil)
            #expect(message.exchange == ExchangeName.changes)
            #expect(message.routingKey == hearing.database)
            #expect(message.contentType == "application/json")
            #expect(message.properties.isPersistent)
            #expect(message.messageID?.isEmpty == false)
        }

        @Test(arguments: ["events", "events/of"])
        func `every committed change is told with its nine members, in order`(name: String) async throws {
            let system = try await RunningSystem.shared
            let user = try await system.administrator.makeUser("secret", groups: ["g"])
            let device = try await Client(system.http).login(user, "secret")
            try await hearing(name) { hearing in
                let first = try await hearing.put("a", ["n": 1])
                let tagged = try await hearing.put("b", ["~owner": .string(user), "~groups": ["g", "h"]])
                let retagged = try await hearing.put("b", ["~owner": .string(user), "~groups": []], after: tagged)
                let removed = try await system.administrator.send("DELETE", "\(hearing.path)/b?rev=\(retagged)")
                let gone = try #require(removed.json["rev"]?.stringValue, "\(removed.json)")
                let pushed = try await device.send("PUT", "\(hearing.path)/c", ["~groups": ["g"]])
                let made = try #require(pushed.json["rev"]?.stringValue, "\(pushed.json)")
                let events = try await hearing.events(5)
                let (none, owner): (JSONValue, JSONValue) = (.null, .string(user))
                let expected: [(id: String, rev: String, owner: JSONValue, groups: JSONValue, origin: String)] = [
                    ("a", first, none, [], "admin"), ("b", tagged, owner, ["g", "h"], "admin"),
                    ("b", retagged, owner, [], "admin"), ("b", gone, owner, [], "admin"),
                    ("c", made, owner, ["g"], "device"),
                ]
                try #require(events.count == expected.count)
                for (event, change) in zip(events, expected) {
                    try expect(
                        event,
                        hearing,
                        [
                            "id": .string(change.id), "rev": .string(change.rev), "deleted": .bool(change.rev == gone),
                            "owner": change.owner, "groups": change.groups, "origin": .string(change.origin),
                        ]
                    )
                }
                let bodies = try events.map { try ChangeEvent(body: $0.body) }
                #expect(bodies.map(\.seq) == bodies.map(\.seq).sorted() && Set(bodies.map(\.seq)).count == 5)
                #expect(Set(bodies.map(\.incarnation)).count == 1)
            }
        }

        @Test func `a change that takes a document from a thousand groups is told, and what follows`() async throws {
            try await hearing("groups") { hearing in
                let names = (0..<1_000).map { number in
                    JSONValue.string("\(number)-" + String(repeating: "g", count: 90))
                }
                let tagged = try await hearing.put("a", ["~groups": .array(names)])
                _ = try await hearing.put("a", ["~groups": []], after: tagged)
                _ = try await hearing.put("b", [:])
                let events = try await hearing.events(3)
                #expect(try ChangeEvent(body: events[0].body).groups.count == 1_000)
                #expect(try ChangeEvent(body: events[1].body).groups == [])
                #expect(events[1].headers[HeaderName.bereft]?.string == #"["*"]"#)
                #expect(try ChangeEvent(body: events[2].body).id == "b")
            }
        }
    }
}
