import Contracts
import Foundation
import JSON
import Logging
import Messaging
import NIOHTTP1
import TestSupport
import Testing

extension SystemTests {
    /// Who may call which sequence, and what is told of the others.
    @Suite(.timeLimit(.minutes(30))) struct SequenceAccessTests {
        private static let words = ["public", "hidden", "private"]

        private func deploy() async throws -> (system: RunningSystem, project: String) {
            let system = try await RunningSystem.shared
            let project = "access\(UInt32.random(in: 0 ... .max))"
            var files: JSONObject = [
                "project.yaml": .string("project: \(project)\n"),
                "sequences/calls.yaml": "access: public\nsteps: [{callSequence: private, as: a}, {return: =a}]\n",
                "sequences/throws.yaml": """
                access: public
                variables: {order: {}}
                steps:
                  - set: {a: 1}
                  - js: |
                      const order = variables();
                      function variables() { return null; }
                      return order.lines.length;
                    as: n
                  - output: {n: =n}
                """,
            ]
            for word in Self.words {
                files["sequences/\(word).yaml"] = .string("access: \(word)\nsteps: [{return: \(word)}]\n")
            }
            let answer = try await system.administrator.send(
                "PUT",
                "/_fullsync/projects/\(project)",
                ["files": .object(files)]
            )
            try #require(answer.status == 200, "\(answer.json)")
            return (system, project)
        }

        @Test func `hidden is called by whoever knows it, private by administrators and sequences alone`()
            async throws
        {
            let (system, project) = try await deploy()
            let path = "/_fullsync/projects/\(project)"
            let user = try await system.login(Cast.of(system).first)
            let callers: [(Client, [Int])] = [
                (system.administrator, [200, 200, 200]), (user, [200, 200, 404]),
                (Client(system.http), [200, 200, 404]),
            ]
            for (client, statuses) in callers {
                for (word, status) in zip(Self.words, statuses) {
                    let answer = try await client.send("POST", "\(path)/sequences/\(word)", [:])
                    #expect(answer.status == status, "\(word): \(answer.json)")
                    if status == 200 { #expect(answer.json == .string(word)) }
                }
            }
            // It is not told from one that is not there.
            let (hidden, absent) = (
                try await user.send("POST", "\(path)/sequences/private", [:]),
                try await user.send("POST", "\(path)/sequences/none", [:])
            )
            #expect(
                hidden.json.text.replacing("private", with: "none") == absent.json.text
                    && hidden.status == absent.status
            )
            #expect(try await user.send("POST", "\(path)/sequences/calls", [:]).json == "private")
            let listed = try await user.get(path).json["sequences"]?.arrayValue ?? []
            #expect(listed == ["calls", "public", "throws"])
            let description = try await user.get("\(path)/openapi.json").json
            let paths = description["paths"]?.objectValue?.names ?? []
            #expect(paths.contains { $0.hasSuffix("/public") })
            #expect(!paths.contains { $0.hasSuffix("/hidden") || $0.hasSuffix("/private") }, "\(paths)")
        }

        @Test func `whom the broker trusts calls all of them over AMQP`() async throws {
            let (system, project) = try await deploy()
            let broker = MessageBroker(
                try MessagingConfiguration(url: system.amqp),
                topology: Topology(),
                logger: Logger(label: "tests")
            )
            let requests = RequestClient(broker)
            let tasks = [Task { try await broker.run() }, Task { try await requests.run() }]
            defer { for task in tasks { task.cancel() } }
            try await broker.waitUntilConnected(within: .seconds(120))
            for word in Self.words + ["none"] {
                let call: JSONObject = [
                    "run": .string(UUID().uuidString), "project": .string(project), "sequence": .string(word),
                ]
                let message = OutgoingMessage(
                    exchange: ExchangeName.direct,
                    routingKey: QueueName.calls,
                    body: JSONValue.object(call).bytes,
                    contentType: "application/json"
                )
                let reply = try await requests.request(message, timeout: .seconds(300))
                switch try SequenceAnswer(body: reply.body).outcome {
                case .succeeded(let value, _, _): #expect(value == .string(word))
                case .failed(let failure): #expect(word == "none" && failure.code == "not_found", "\(word): \(failure)")
                }
            }
        }

        @Test func `what an expression throws is told with its sequence, step, file and line`() async throws {
            let (system, project) = try await deploy()
            let path = "/_fullsync/projects/\(project)/sequences/throws"
            let answer = try await system.administrator.send("POST", path, [:])
            #expect(answer.status == 502 && answer.error == "script", "\(answer.json)")
            #expect(answer.reason?.contains("null is not an object") == true, "\(answer.json)")
            let run = try #require(answer.headers.first(name: "x-fullsync-run"))
            let kept = try await system.administrator.get("/_fullsync/runs/\(run)").json
            for details in [answer.json["details"], kept["error"]?["details"]] {
                #expect(details?["sequence"] == .string("\(project)/throws"), "\(kept)")
                #expect(details?["file"] == "sequences/throws.yaml" && details?["line"] == 5, "\(kept)")
                #expect(details?["step"] == "2", "\(kept)")
            }
            // The line of the text is the expression's own.
            let message = kept["error"]?["message"]?.stringValue ?? ""
            #expect(message.hasPrefix("sequences/throws.yaml:8:"), "\(message)")
            #expect(kept["state"] == "failed")
        }
    }
}
