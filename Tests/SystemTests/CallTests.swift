import Contracts
import Foundation
import JSON
import Logging
import Messaging
import NIOHTTP1
import TestSupport
import Testing

extension SystemTests {
    /// Calls of sequences over HTTP: how they are answered, and what becomes of them.
    @Suite(.timeLimit(.minutes(30))) struct CallTests {
        private static func files(_ project: String) -> JSONObject {
            [
                "project.yaml": .string("project: \(project)\n"),
                "databases/\(project)/database.yaml": "description: Notes.\n",
                "connectors/store.yaml": .string("type: fullsync\ndatabase: \(project)\n"),
                "sequences/greet.yaml": """
                description: Greets.
                access: public
                variables: {name: {type: string, required: true}}
                steps:
                  - respond: {status: 201, headers: {X-Greeted: =name}}
                  - output: {hello: =name, language: "=run.request.headers['accept-language']", by: =user, in: =groups}
                """,
                "sequences/stamp.yaml": """
                access: public
                cache: {for: 1h, by: [place]}
                variables: {place: {type: string}, other: {}}
                steps: [{output: {run: =run.id, seen: =Object.keys(run.request.headers).length}}]
                """,
                "sequences/pause.yaml": "steps: [{sleep: 1500ms}]\n",
                "sequences/late.yaml": "timeout: 1s\nsteps: [{while: 'true', do: [{sleep: 100ms}]}]\n",
                "sequences/secured.yaml": "access: public\nsecure: true\nsteps: []\n",
                "sequences/note.yaml": """
                access: public
                variables: {id: {type: string, required: true}}
                steps: [{callTransaction: store.postDocument, with: {document: {_id: =id}}}]
                """,
                "sequences/wait.yaml": """
                access: public
                whenClientLeaves: cancel
                variables: {id: {type: string, required: true}}
                steps:
                  - callTransaction: store.postDocument
                    with: {document: {_id: ="began-" + id}}
                  - sleep: 1m
                  - callTransaction: store.postDocument
                    with: {document: {_id: ="ended-" + id}}
                """,
                "sequences/finish.yaml": """
                access: public
                variables: {id: {type: string, required: true}}
                steps:
                  - callTransaction: store.postDocument
                    with: {document: {_id: ="began-" + id}}
                  - set: {seen: false}
                  - while: "!seen"
                    do:
                      - sleep: 50ms
                      - callTransaction: store.allDocs
                        with: {key: ="go-" + id}
                        as: found
                      - set: {seen: =found.rows.length > 0}
                  - callTransaction: store.postDocument
                    with: {document: {_id: ="ended-" + id}}
                """,
            ]
        }

        private struct Deployed {
            let system: RunningSystem
            let project: String

            var path: String { "/_fullsync/projects/\(project)/sequences" }

            func call(
                _ sequence: String,
                _ variables: JSONValue = [:],
                _ headers: [(String, String)] = [],
                as client: Client? = nil
            ) async throws -> Client.Answer {
                try await (client ?? system.administrator).send(
                    "POST",
                    "\(path)/\(sequence)",
                    text: variables.text,
                    headers: headers
                )
            }

            /// Waits until the document is there.
            func waits(for id: String) async throws {
                try await eventually("\(id) is there") {
                    try await system.administrator.get("/\(project)/\(id)").status == 200
                }
            }

            /// Calls a sequence, and hangs up once the sequence has begun.
            func callAndLeave(_ sequence: String, id: String) async throws {
                let body = JSONValue.object(["id": .string(id)]).text
                let authorization = Data("admin:\(try system.password)".utf8).base64EncodedString()
                try await RawConnection.open(system.http) { connection in
                    try await connection.write(
                        "POST \(path)/\(sequence) HTTP/1.1\r\nHost: x\r\nAuthorization: Basic \(authorization)\r\n"
                            + "Content-Type: application/json\r\nContent-Length: \(body.utf8.count)\r\n\r\n\(body)"
                    )
                    try await waits(for: "began-\(id)")
                }
            }
        }

        private func deploy() async throws -> Deployed {
            let system = try await RunningSystem.shared
            let project = "calls\(UInt32.random(in: 0 ... .max))"
            let body: JSONValue = ["files": .object(Self.files(project))]
            let answer = try await system.administrator.send("PUT", "/_fullsync/projects/\(project)", body)
            try #require(answer.status == 200, "\(answer.json)")
            return Deployed(system: system, project: project)
        }

        @Test func `a body that is no JSON, and says so, is refused by that name`() async throws {
            let deployed = try await deploy()
            let client = deployed.system.administrator
            for type in ["application/x-www-form-urlencoded", "multipart/form-data; boundary=b", "application/xml"] {
                let refused = try await client.send("POST", "\(deployed.path)/greet", text: "name=A", contentType: type)
                #expect(refused.status == 415 && refused.error == "bad_content_type", "\(type)")
                #expect(refused.json["reason"] == "Content-Type must be application/json")
                let empty = try await client.send("POST", "\(deployed.path)/stamp", text: "", contentType: type)
                #expect(empty.status == 200, "\(type)")
            }
            // Simple clients call all that they send a form.
            for type in [
                "text/plain", "Application/JSON; charset=utf-8", "application/vnd.a+json",
                "application/x-www-form-urlencoded",
            ] {
                let name = #"{"name": "A"}"#
                let taken = try await client.send("POST", "\(deployed.path)/greet", text: name, contentType: type)
                #expect(taken.status == 201, "\(type)")
            }
        }

        @Test func `an answer has the run, the sequence's status and headers, and is XML for those who ask`()
            async throws
        {
            let deployed = try await deploy()
            let greeted = try await deployed.call("greet", ["name": "A&B"], [("Accept-Language", "de")])
            #expect(greeted.status == 201)
            #expect(greeted.headers.first(name: "x-greeted") == "A&B")
            #expect(greeted.json == ["hello": "A&B", "language": "de", "by": .null, "in": []])
            let run = try #require(greeted.headers.first(name: "x-fullsync-run"))
            let found = try await deployed.system.administrator.get("/_fullsync/runs/\(run)")
            #expect(found.json["sequence"] == "greet")

            let xml = try await deployed.call("greet", ["name": "A&B"], [("Accept", "application/xml")])
            #expect(xml.headers.first(name: "content-type") == "application/xml; charset=utf-8")
            let text = String(decoding: xml.bytes, as: UTF8.self)
            #expect(text.contains("<answer type=\"object\"><hello>A&amp;B</hello>"), "\(text)")
            let failed = try await deployed.call("greet", [:], [("Accept", "text/xml")])
            #expect(failed.status == 400)
            let failure = String(decoding: failed.bytes, as: UTF8.self)
            #expect(failure.contains("<error>invalid_variable</error>"), "\(failure)")
            let missing = try await deployed.call("none", [:], [("Accept", "text/xml")])
            #expect(missing.status == 404)
            #expect(missing.headers.first(name: "content-type") == "application/xml; charset=utf-8")
            #expect(String(decoding: missing.bytes, as: UTF8.self).contains("<error>not_found</error>"))
        }

        @Test func `an administrator calls for a user, and nobody else does`() async throws {
            let deployed = try await deploy()
            let name = try await deployed.system.administrator.makeUser("secret")
            let acting = [("X-FullSync-As", "j%C3%B8rn"), ("X-FullSync-As-Groups", "a%2Cb,c")]
            let answer = try await deployed.call("greet", ["name": "x"], acting)
            #expect(answer.json["by"] == "jørn")
            #expect(answer.json["in"] == ["a,b", "c"])
            let user = try await Client(deployed.system.http).login(name, "secret")
            #expect(try await deployed.call("greet", ["name": "x"], acting, as: user).status == 403)
            let nobody = Client(deployed.system.http)
            #expect(try await deployed.call("greet", ["name": "x"], acting, as: nobody).status == 401)
        }

        @Test func `a kept answer is given to calls that are alike, and to the same user alone`() async throws {
            let deployed = try await deploy()
            let first = try await deployed.call("stamp", ["place": "here", "other": 1])
            #expect(first.headers.first(name: "age") == nil)
            #expect(first.json["seen"] == 0)
            let again = try await deployed.call("stamp", ["place": "here", "other": 2])
            #expect(again.json == first.json)
            #expect(again.headers.first(name: "age") != nil)
            #expect(again.headers["x-fullsync-run"] == first.headers["x-fullsync-run"])
            #expect(try await deployed.call("stamp", ["place": "there"]).json["run"] != first.json["run"])
            let other = try await deployed.call("stamp", ["place": "here"], [("X-FullSync-As", "ann")])
            #expect(other.json["run"] != first.json["run"])
        }

        @Test func `a sequence whose time is over says so`() async throws {
            let deployed = try await deploy()
            try await eventually("a worker says so itself, before it is not waited for any more") {
                let answer = try await deployed.call("late")
                #expect(answer.status == 504 && answer.error == "timeout", "\(answer.json)")
                return answer.json["run"] != nil
            }
        }

        @Test func `what a sequence asked of the documents is counted as what connectors do`() async throws {
            let deployed = try await deploy()
            let (system, project) = (deployed.system, deployed.project)
            #expect(try await deployed.call("note", ["id": "one"]).status == 200)
            try await eventually("the answer is counted") {
                await system.hasCounted("store", in: project, "answered", by: "sequence-worker")
            }
            #expect(try await deployed.call("note", ["id": "_odd"]).status != 200)
            try await eventually("the failure is counted") {
                await system.hasCounted("store", in: project, "illegal_docid", by: "sequence-worker")
            }
        }

        @Test func `a sequence for TLS is not called without`() async throws {
            let deployed = try await deploy()
            #expect(try await deployed.call("secured").status == 403)
        }

        @Test func `a call whose client has left is cancelled where the sequence says so`() async throws {
            let deployed = try await deploy()
            try await deployed.callAndLeave("wait", id: "w")
            try await eventually("the run is cancelled") {
                try await deployed.system.runs("cancelled").contains { $0["project"]?.stringValue == deployed.project }
            }
            #expect(try await deployed.system.administrator.get("/\(deployed.project)/ended-w").status == 404)
        }

        @Test func `a call whose client has left goes on otherwise`() async throws {
            let deployed = try await deploy()
            try await deployed.callAndLeave("finish", id: "f")
            let go = try await deployed.system.administrator.send("PUT", "/\(deployed.project)/go-f", [:])
            try #require(go.status == 201)
            try await deployed.waits(for: "ended-f")
        }

        @Test func `a back end calls over AMQP, and is answered`() async throws {
            let deployed = try await deploy()
            let broker = MessageBroker(
                try MessagingConfiguration(url: deployed.system.amqp),
                topology: Topology(),
                logger: Logger(label: "tests")
            )
            let requests = RequestClient(broker)
            let tasks = [Task { try await broker.run() }, Task { try await requests.run() }]
            defer { for task in tasks { task.cancel() } }
            try await broker.waitUntilConnected(within: .seconds(120))
            func answer(_ call: JSONObject) async throws -> SequenceAnswer {
                let message = OutgoingMessage(
                    exchange: ExchangeName.direct,
                    routingKey: QueueName.calls,
                    body: JSONValue.object(call).bytes,
                    contentType: "application/json"
                )
                return try SequenceAnswer(body: try await requests.request(message, timeout: .seconds(120)).body)
            }
            // In capitals, as some make them; longer than until claims are renewed.
            let slow = UUID().uuidString
            let waited = try await answer([
                "run": .string(slow), "project": .string(deployed.project), "sequence": "pause",
            ])
            guard case .succeeded = waited.outcome else {
                Issue.record("\(waited)")
                return
            }
            #expect(waited.run == slow.lowercased())
            let shown = try await deployed.system.administrator.get("/_fullsync/runs/\(slow)").json
            #expect(shown["state"] == "succeeded" && shown["attempts"]?.intValue ?? 0 >= 1, "\(shown)")
            let run = UUID().uuidString.lowercased()
            let greeted = try await answer([
                "run": .string(run), "project": .string(deployed.project), "sequence": "greet",
                "variables": ["name": "erp"], "identity": ["user": "clerk", "groups": ["office"]],
            ])
            #expect(greeted.run == run)
            guard case .succeeded(let value, _, _) = greeted.outcome else {
                Issue.record("\(greeted)")
                return
            }
            #expect(value["hello"] == "erp" && value["by"] == "clerk" && value["in"] == ["office"])
            guard case .failed(let failure) = try await answer(["project": "none"]).outcome else {
                Issue.record("a call without a run was answered")
                return
            }
            #expect(failure.code == "bad_request" && failure.message.contains("'run'"))
        }

        @Test func `a run that is at work is cancelled by an administrator`() async throws {
            let deployed = try await deploy()
            let call = Task { try await deployed.call("wait", ["id": "c"]) }
            try await deployed.waits(for: "began-c")
            let running = try await deployed.system.runs("running").first {
                $0["project"]?.stringValue == deployed.project
            }
            let run = try #require(running?["id"]?.stringValue)
            let path = "/_fullsync/runs/\(run)/cancel"
            #expect(try await deployed.system.administrator.send("POST", path).status == 202)
            let answer = try await call.value
            #expect(answer.error == "cancelled", "\(answer.json)")
            #expect(try await deployed.system.administrator.get("/_fullsync/runs/\(run)").json["state"] == "cancelled")
            #expect(try await deployed.system.administrator.send("POST", path).status == 412)
        }
    }
}
