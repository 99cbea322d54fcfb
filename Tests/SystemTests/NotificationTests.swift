import Contracts
import JSON
import Logging
import Messaging
import TestSupport
import Testing

extension SystemTests {
    /// Notifications of back ends, from the exchange to the document that their sequence writes.
    @Suite(.timeLimit(.minutes(30))) struct NotificationTests {
        private static func files(_ project: String) -> JSONObject {
            [
                "project.yaml": .string("project: \(project)\nnotifications:\n  changed: note\n"),
                "databases/\(project)/database.yaml": "description: Notes.\n",
                "connectors/store.yaml": .string("type: fullsync\ndatabase: \(project)\n"),
                "sequences/note.yaml": """
                variables: {id: {type: string, required: true}}
                steps:
                  - callTransaction: store.postDocument
                    with: {document: {_id: =id}}
                """,
            ]
        }

        @Test func `a notification that says more than the sequence takes does its work`() async throws {
            let system = try await RunningSystem.shared
            let project = uniqueID("notified")
            let body: JSONValue = ["files": .object(Self.files(project))]
            let answer = try await system.administrator.send("PUT", "/_fullsync/projects/\(project)", body)
            try #require(answer.status == 200, "\(answer.json)")
            try await TestBroker.with(system) { broker in
                try await broker.publish(
                    OutgoingMessage(
                        exchange: ExchangeName.notifications,
                        routingKey: "\(project).changed",
                        body: Array(#"{"id":"n","at":"2026-01-01T00:00:00Z","by":{"user":"clerk"}}"#.utf8),
                        contentType: "application/json",
                        messageID: uniqueID("message"),
                        isMandatory: true
                    )
                )
            }
            try await eventually("the sequence has written its document") {
                try await system.administrator.get("/\(project)/n").status == 200
            }
        }
    }
}
