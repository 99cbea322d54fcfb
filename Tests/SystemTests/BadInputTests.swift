import Contracts
import Foundation
import JSON
import Logging
import Messaging
import PrivateServers
import Synchronization
import TestSupport
import Testing

extension SystemTests {
    /// What is wrong from outside: notifications, projects, settings.
    @Suite(.timeLimit(.minutes(30))) struct BadInputTests {
        @Test func `a notification that is none is kept with the reason`() async throws {
            let system = try await RunningSystem.shared
            let broker = MessageBroker(
                try MessagingConfiguration(url: system.amqp),
                topology: .shared,
                logger: Logger(label: "tests")
            )
            let running = Task { try await broker.run() }
            let wrong: [(key: String, body: String, reason: String)] = [
                ("field-service.work-orders-changed", "not JSON", "the body is no JSON"),
                ("field-service.work-orders-changed", #"["WO-00001"]"#, "no JSON object"),
                ("nobodys-project.work-orders-changed", "{}", "no project 'nobodys-project'"),
                ("field-service.nothing", "{}", "no notification 'nothing'"),
                ("field-service", "{}", "routing key"),
                (
                    "field-service.work-orders-changed", #"{"ids":"\#(String(repeating: "x", count: 1 << 20))"}"#,
                    "bytes"
                ),
            ]
            let ids = wrong.indices.map { uniqueID("wrong-\($0)") }
            for (id, message) in zip(ids, wrong) {
                try await broker.publish(
                    OutgoingMessage(
                        exchange: ExchangeName.notifications,
                        routingKey: message.key,
                        body: Array(message.body.utf8),
                        contentType: "application/json",
                        messageID: id,
                        isMandatory: true
                    )
                )
            }
            let kept = Mutex<[String: IncomingMessage]>([:])
            let consuming = Task {
                try await broker.consume(QueueName.rejected) { delivery in
                    let message = delivery.message
                    kept.withLock { $0[message.messageID ?? ""] = message }
                    delivery.acknowledge()
                }
            }
            try await eventually("all are in \(QueueName.rejected)") {
                kept.withLock { Set(ids).isSubset(of: $0.keys) }
            }
            for (id, expected) in zip(ids, wrong) {
                let message = try #require(kept.withLock { $0[id] })
                let reason = message.headers[HeaderName.reason]?.string ?? ""
                #expect(reason.contains(expected.reason), "\(reason)")
                #expect(message.headers[HeaderName.originalRoutingKey]?.string == expected.key)
                #expect(message.body == Array(expected.body.utf8))
            }
            consuming.cancel()
            _ = await consuming.result
            running.cancel()
            _ = await running.result
        }

        @Test func `a project with an error is refused with file and line, and the live one stays`() async throws {
            let system = try await RunningSystem.shared
            let path = "/_fullsync/projects/field-service"
            let live = try await system.administrator.get(path).json
            let wrong = [
                "project.yaml": "project: field-service\n",
                "sequences/broken.yaml":
                    "description: Broken.\nsteps:\n  - callTransaction: nowhere.nothing\n  - fly: high\n",
            ]
            let files = JSONObject(wrong.sorted { $0.key < $1.key }.map { ($0.key, JSONValue.string($0.value)) })
            let answer = try await system.administrator.send("PUT", path, ["files": .object(files)])
            #expect(answer.status == 400)
            #expect(answer.error == "bad_project")
            let problems = answer.json["problems"]?.arrayValue?.compactMap(\.stringValue) ?? []
            #expect(problems.contains { $0.hasPrefix("sequences/broken.yaml:4") && $0.contains("fly") }, "\(problems)")
            let parts = try #require(answer.json["details"]?.arrayValue?.last)
            #expect(parts["file"] == "sequences/broken.yaml" && parts["line"] == 4, "\(parts.text)")
            #expect(parts.objectValue?.names == ["file", "line", "column", "message", "suggestion"])
            let unparsable: JSONValue = [
                "files": [
                    "project.yaml": "project: field-service\n", "databases/x/database.yaml": "",
                    "databases/x/design/d/filters/f.js": "(doc) => {\n  return doc.;\n}",
                    "sequences/broken.yaml": "steps:\n  - output: {a: =1 +}\n",
                ]
            ]
            let refused = try await system.administrator.send("PUT", path, unparsable)
            #expect(refused.status == 400)
            let faults = refused.json["problems"]?.arrayValue?.compactMap(\.stringValue) ?? []
            #expect(faults.count == 2, "\(faults)")
            #expect(faults.first?.hasPrefix("databases/x/design/d/filters/f.js:2:1: is no JavaScript: ") == true)
            #expect(faults.last?.hasPrefix("sequences/broken.yaml:2:17: an expression is no JavaScript: ") == true)
            for body: JSONValue in [[:], ["files": []], ["files": ["project.yaml": 1]], ["files": [:]]] {
                #expect(try await system.administrator.send("PUT", path, body).status == 400)
            }
            let other: JSONValue = ["files": ["project.yaml": "project: another-one\n"]]
            #expect(try await system.administrator.send("PUT", path, other).status == 400)
            #expect(try await system.administrator.get(path).json == live)
            #expect(try await system.administrator.get("/_fullsync/projects/another-one").status == 404)
        }

        @Test(arguments: [
            ("sequence-worker", "FULLSYNC_WORKER_CONCURRENCY", "many"), ("sequence-worker", "FULLSYNC_RUN_LEASE", "1s"),
            ("replication-endpoint", "FULLSYNC_PORT", "70000"),
            ("replication-endpoint", "FULLSYNC_SESSION_SECURE", "maybe"),
            ("change-listener", "FULLSYNC_SCRIPT_HOSTS", "0"), ("scheduler", "FULLSYNC_AMQP_URL", "secret-of-mine"),
            ("back-end-connector", "FULLSYNC_POSTGRES_URL", "secret-of-mine"),
        ])
        func `a wrong setting ends a service with its name`(
            service: String,
            setting: String,
            value: String
        ) async throws {
            let system = try await RunningSystem.shared
            var environment = [
                "FULLSYNC_POSTGRES_URL": system.postgres, "FULLSYNC_AMQP_URL": system.amqp,
                "FULLSYNC_ADMIN_PASSWORD": "x",
            ]
            environment[setting] = value
            let process = try await TestService.start(service, environment)
            #expect(await process.process.waitForExit() == .code(78))
            #expect(process.output.contains(setting), "\(process.output)")
            #expect(!process.output.contains("secret-of-mine"), "\(process.output)")
        }

        @Test func `without the administrator's password the endpoint does not start`() async throws {
            let system = try await RunningSystem.shared
            let environment = ["FULLSYNC_POSTGRES_URL": system.postgres, "FULLSYNC_AMQP_URL": system.amqp]
            let process = try await TestService.start("replication-endpoint", environment)
            #expect(await process.process.waitForExit() == .code(78))
            #expect(process.output.contains("FULLSYNC_ADMIN_PASSWORD"))
        }
    }
}
