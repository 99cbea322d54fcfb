import AsyncHTTPClient
import Contracts
import Foundation
import JSON
import Messaging
import NIOCore
import NIOHTTP1
import Synchronization
import TestSupport
import Testing

extension SystemTests {
    /// What is slow takes its own time, and nobody else's.
    @Suite(.timeLimit(.minutes(30))) struct FairnessTests {
        private static func files(_ project: String) -> JSONObject {
            [
                "project.yaml": .string("project: \(project)\nnotifications:\n  changed: wait\n  noted: note\n"),
                "databases/\(project)/database.yaml": "description: Notes.\n",
                "connectors/store.yaml": .string("type: fullsync\ndatabase: \(project)\n"),
                "sequences/wait.yaml": "access: public\ntimeout: 10m\nsteps:\n  - sleep: 5m\n",
                "sequences/note.yaml": """
                steps:
                  - callTransaction: store.postDocument
                    with: {document: {_id: noted}}
                """,
            ]
        }

        /// The statuses of calls, as they come.
        private final class Answered: Sendable {
            let statuses = Mutex<[Int]>([])
        }

        /// More than a worker has places for.
        private static let many = 40

        private func deploy(_ system: RunningSystem) async throws -> String {
            let project = uniqueID("fair")
            let body: JSONValue = ["files": .object(Self.files(project))]
            let answer = try await system.administrator.send("PUT", "/_fullsync/projects/\(project)", body)
            try #require(answer.status == 200, "\(answer.json)")
            return project
        }

        private func runs(of project: String, _ states: [String], _ system: RunningSystem) async throws -> [String] {
            var found: [String] = []
            for state in states {
                found += try await system.runs(state).filter { $0["project"]?.stringValue == project }
                    .compactMap { $0["id"]?.stringValue }
            }
            return found
        }

        /// Ends all that the project has under way.
        private func cancelAll(of project: String, _ system: RunningSystem) async throws {
            try await eventually("nothing is under way") {
                let left = try await runs(of: project, ["running", "waiting"], system)
                for run in left { _ = try await system.administrator.send("POST", "/_fullsync/runs/\(run)/cancel") }
                return left.isEmpty
            }
        }

        @Test func `slow runs of one project leave places for those of another`() async throws {
            let system = try await RunningSystem.shared
            let (slow, quick) = (try await deploy(system), try await deploy(system))
            try await TestBroker.with(system) { broker in
                func notify(_ routingKey: String) -> OutgoingMessage {
                    OutgoingMessage(
                        exchange: ExchangeName.notifications,
                        routingKey: routingKey,
                        body: Array("{}".utf8),
                        contentType: "application/json",
                        isMandatory: true
                    )
                }
                for _ in 0..<Self.many { try await broker.publish(notify("\(slow).changed")) }
                try await eventually("all slow ones are in line, and some under way") {
                    let running = try await runs(of: slow, ["running"], system).count
                    let waiting = try await runs(of: slow, ["waiting"], system).count
                    return running > 0 && running + waiting == Self.many
                }
                try await broker.publish(notify("\(quick).noted"))
            }
            try await eventually("the other project's run is done") {
                try await system.administrator.get("/\(quick)/noted").status == 200
            }
            #expect(try await runs(of: slow, ["running"], system).count < Self.many)
            try await cancelAll(of: slow, system)
        }

        @Test func `slow calls of one project keep nobody from logging in, and leave places for those of another`()
            async throws
        {
            let system = try await RunningSystem.shared
            let (project, quick) = (try await deploy(system), try await deploy(system))
            let cast = try await Cast.of(system)
            try await TestBroker.with(system) { broker in
                for _ in 0..<Self.many {
                    let call: JSONValue = [
                        "run": .string(UUID().uuidString), "project": .string(project), "sequence": "wait",
                    ]
                    try await broker.publish(
                        OutgoingMessage(exchange: ExchangeName.direct, routingKey: QueueName.calls, body: call.bytes)
                    )
                }
            }
            try await eventually("a worker has its hands full of slow ones") {
                try await runs(of: project, ["running"], system).count == 32
            }
            // By the login sequence of the demo.
            _ = try await system.login(cast.first)
            let called = try await system.administrator.send("POST", "/_fullsync/projects/\(quick)/sequences/note", [:])
            #expect(called.status == 200, "\(called.json)")
            // Those that wait for a place come when others end.
            try await eventually("all have come, and are cancelled") {
                try await cancelAll(of: project, system)
                return try await runs(of: project, ["cancelled"], system).count == Self.many
            }
        }

        @Test func `a user has so many calls under way at once`() async throws {
            let system = try await RunningSystem.shared
            let project = try await deploy(system)
            let name = try await system.administrator.makeUser("secret")
            let user = try await Client(system.http).login(name, "secret")
            var configuration = HTTPClient.Configuration()
            configuration.connectionPool.concurrentHTTP1ConnectionsPerHostSoftLimit = 32
            let http = HTTPClient(configuration: configuration)
            let request = user.request("POST", "/_fullsync/projects/\(project)/sequences/wait")
            let answered = Answered()
            let calls = (0..<20).map { _ in
                Task {
                    let answer = try await http.execute(request, timeout: .seconds(600))
                    answered.statuses.withLock { $0.append(Int(answer.status.code)) }
                }
            }
            try await attempt {
                // All have come, before the first one ends and makes room.
                try await eventually("as many as may be are under way, and the others are refused") {
                    try await runs(of: project, ["running"], system).count == 16
                        && answered.statuses.withLock { $0.count } == 4
                }
                let refused = try await user.send("POST", "/_fullsync/projects/\(project)/sequences/wait")
                #expect(refused.status == 429)
                #expect(refused.error == "too_many_requests")
                try await cancelAll(of: project, system)
                for call in calls { try await call.value }
            } finally: {
                for call in calls { call.cancel() }
                try await http.shutdown()
            }
            let statuses = answered.statuses.withLock(\.self)
            #expect(statuses.filter { $0 == 429 }.count == 4, "\(statuses)")
        }
    }
}
