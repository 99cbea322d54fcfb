import Contracts
import JSON
import Logging
import Messaging
import NIOHTTP1
import Synchronization
import TestSupport
import Testing

extension SystemTests {
    /// What steps of sequences do beyond documents: groups, messages, and versions that are taken back.
    @Suite(.timeLimit(.minutes(30))) struct SequenceEffectTests {
        private static func files(_ project: String) -> JSONObject {
            [
                "project.yaml": .string("project: \(project)\n"),
                "sequences/join.yaml": """
                access: public
                variables: {who: {type: string, required: true}, team: {type: string, required: true}}
                steps:
                  - setUserInGroup: {user: =who, group: =team}
                    as: first
                  - setUserInGroup: {user: =who, group: =team}
                    as: second
                  - usersOf: =team
                    as: members
                  - output: {first: =first.new, second: =second.new, members: =members}
                """,
                "sequences/leave.yaml": """
                access: public
                variables: {who: {type: string, required: true}, team: {type: string, required: true}}
                steps:
                  - removeUserFromGroup: {user: =who, group: =team}
                    as: left
                  - groupsOf: =who
                    as: teams
                  - output: {removed: =left.removed, teams: =teams}
                """,
                "sequences/tell.yaml": """
                access: public
                variables: {exchange: {type: string, required: true}}
                steps:
                  - publish:
                      exchange: =exchange
                      routingKey: order.changed
                      message: {id: 7}
                      headers: {kind: order}
                  - output: {told: true}
                """,
            ]
        }

        /// A project of one test, deployed.
        private func deploy() async throws -> (system: RunningSystem, path: String) {
            let system = try await RunningSystem.shared
            let project = uniqueID("effects")
            let path = "/_fullsync/projects/\(project)"
            let body: JSONValue = ["files": .object(Self.files(project))]
            let answer = try await system.administrator.send("PUT", path, body)
            try #require(answer.status == 200, "\(answer.json)")
            return (system, path)
        }

        @Test func `a sequence puts a user into a group, whose documents come at once, and out of it`() async throws {
            let (system, path) = try await deploy()
            let name = try await system.administrator.makeUser("secret")
            let user = try await Client(system.http).login(name, "secret")
            let stage = try await Stage.make("joining")
            let team = uniqueID("team")
            try await stage.put("d", ["~groups": [.string(team)]])
            #expect(try await user.get("\(stage.path)/d").status == 404)
            let call: JSONValue = ["who": .string(name), "team": .string(team)]
            let joined = try await user.send("POST", "\(path)/sequences/join", call)
            #expect(joined.json == ["first": true, "second": false, "members": [.string(name)]])
            try await eventually("the user reads the group's document") {
                try await user.get("\(stage.path)/d").status == 200
            }
            let left = try await user.send("POST", "\(path)/sequences/leave", call)
            #expect(left.json == ["removed": true, "teams": []])
            try await eventually("the user does not read it any more") {
                try await user.get("\(stage.path)/d").status == 404
            }
        }

        @Test func `a message is published once, and where it cannot be the sequence hears of it`() async throws {
            let (system, path) = try await deploy()
            let name = uniqueID("exchange")
            let heard = Mutex<[IncomingMessage]>([])
            let broker = MessageBroker(
                try MessagingConfiguration(url: system.amqp),
                topology: Topology(
                    exchanges: [Exchange(name, .topic)],
                    queues: [Queue(name, .ofConnection(maxLength: 10))],
                    bindings: [Binding(exchange: name, queue: name, routingKey: "order.*")]
                ),
                logger: Logger(label: "tests")
            )
            let tasks = [
                Task { try await broker.run() },
                Task {
                    try await broker.consume(name) { delivery in
                        let message = delivery.message
                        heard.withLock { $0.append(message) }
                        delivery.acknowledge()
                    }
                },
            ]
            defer { for task in tasks { task.cancel() } }
            try await broker.waitUntilConnected(within: .seconds(120))
            let told = try await system.administrator.send(
                "POST",
                "\(path)/sequences/tell",
                ["exchange": .string(name)]
            )
            #expect(told.json == ["told": true])
            try await eventually("the message is there") { heard.withLock { !$0.isEmpty } }
            let message = try #require(heard.withLock { $0.first })
            #expect(try JSONValue(parsing: message.body) == ["id": 7])
            #expect(message.headers["kind"]?.string == "order")
            let run = try #require(told.headers.first(name: "x-fullsync-run"))
            #expect(message.messageID == "\(run)/1")
            let nowhere: JSONValue = ["exchange": .string(uniqueID("no-exchange"))]
            let lost = try await system.administrator.send("POST", "\(path)/sequences/tell", nowhere)
            #expect(lost.error == "not_found", "\(lost.json)")
            let reserved: JSONValue = ["exchange": "fullsync.control"]
            let refused = try await system.administrator.send("POST", "\(path)/sequences/tell", reserved)
            #expect(refused.error == "invalid_value", "\(refused.json)")
        }

        @Test func `a mail of a sequence arrives, and one that is refused can be caught`() async throws {
            let system = try await RunningSystem.shared
            let server = try await TestMailServer.start(.plain)
            let project = uniqueID("mailing")
            let files: JSONObject = [
                "project.yaml": .string("project: \(project)\n"),
                "connectors/mail.yaml": .string(
                    """
                    type: smtp
                    host: localhost
                    port: \(server.port)
                    tls: none
                    from: Shop <shop@example.com>
                    addresses: [loopback]
                    """
                ),
                "sequences/tell.yaml": """
                variables: {to: {type: string, multi: true, required: true}}
                steps:
                  - try:
                      - sendMail: {to: =to, subject: "=`Order ${7}`", text: It is ready.}
                        by: mail
                        as: sent
                      - output: {reply: =sent.reply, id: =sent.messageID}
                    catch:
                      - output: {code: =error.code}
                """,
            ]
            let path = "/_fullsync/projects/\(project)"
            let deployed = try await system.administrator.send("PUT", path, ["files": .object(files)])
            try #require(deployed.status == 200, "\(deployed.json)")
            let told = try await system.administrator.send("POST", "\(path)/sequences/tell", ["to": "ann@example.com"])
            #expect(told.json["reply"]?.stringValue?.hasPrefix("kept as") == true, "\(told.json)")
            let mail = try #require(try server.mails().first)
            #expect(mail.contains("RCPT TO:ann@example.com\n") && mail.contains("Subject: Order 7\r\n"))
            let refused = try await system.administrator.send(
                "POST",
                "\(path)/sequences/tell",
                ["to": ["ann@example.com", .string(TestMailServer.unknown)]]
            )
            #expect(refused.json == ["code": "mail_recipients_refused"])
            #expect(try server.mails().count == 1)
        }

        @Test func `a listener with a selector starts its sequence for what matches, and for nothing else`()
            async throws
        {
            let system = try await RunningSystem.shared
            let project = uniqueID("selecting")
            var files: JSONObject = ["project.yaml": .string("project: \(project)\n")]
            files["databases/\(project)/database.yaml"] = "description: Notes.\n"
            let body = JSONValue.object(
                files.merging([
                    "connectors/store.yaml": .string("type: fullsync\ndatabase: \(project)\n"),
                    "listeners/new.yaml": .string(
                        "database: \(project)\nselector: {state: new}\norigin: any\nsequence: receive\n"
                    ),
                    "sequences/receive.yaml": """
                    variables: {doc: {type: object, multi: true}}
                    steps:
                      - callTransaction: store.postBulkDocuments
                        with:
                          documents: "=doc.map(note => ({_id: note._id, state: 'received'}))"
                          policy: merge
                    """,
                ])
            )
            let deployed = try await system.administrator.send("PUT", "/_fullsync/projects/\(project)", ["files": body])
            try #require(deployed.status == 200, "\(deployed.json)")
            for (id, state) in [("a", "old"), ("b", "new"), ("c", "old")] {
                let put = try await system.administrator.send("PUT", "/\(project)/\(id)", ["state": .string(state)])
                try #require(put.status == 201)
            }
            try await eventually("the new document is received") {
                try await system.administrator.get("/\(project)/b").json["state"] == "received"
            }
            // Whatever else it would start comes before this: changes are looked at in their order.
            try #require(
                try await system.administrator.send("PUT", "/\(project)/d", ["state": "new"]).status == 201
            )
            try await eventually("the next one is, too") {
                try await system.administrator.get("/\(project)/d").json["state"] == "received"
            }
            for (id, generation) in [("a", "1-"), ("b", "2-"), ("c", "1-"), ("d", "2-")] {
                let document = try await system.administrator.get("/\(project)/\(id)").json
                #expect(document["_rev"]?.stringValue?.hasPrefix(generation) == true, "\(document)")
            }
        }

        @Test func `an earlier version's files become live again as a new version`() async throws {
            let (system, path) = try await deploy()
            let project = String(path.split(separator: "/").last ?? "")
            var files = Self.files(project)
            files["sequences/leave.yaml"] = nil
            let changed = try await system.administrator.send("PUT", path, ["files": .object(files)])
            #expect(changed.json["version"] == 2)
            let back = try await system.administrator.send("POST", "\(path)/versions", [:])
            #expect(back.json["version"] == 3 && back.json["from"] == 1, "\(back.json)")
            let sequences = try await system.administrator.get(path).json["sequences"]
            #expect(sequences == ["join", "leave", "tell"])
            let listed = try await system.administrator.get("\(path)/versions").json["versions"]?.arrayValue ?? []
            #expect(listed.map { $0["live"] } == [true, false, false])
            #expect(listed.first?["digest"] == listed.last?["digest"])
            for wrong: JSONValue in [["version": 9], ["version": "1"], ["version": 0]] {
                let answer = try await system.administrator.send("POST", "\(path)/versions", wrong)
                #expect([400, 404].contains(answer.status), "\(answer.json)")
            }
        }
    }
}
