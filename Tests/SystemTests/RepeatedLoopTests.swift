import JSON
import TestSupport
import Testing

extension SystemTests {
    /// Runs that are repeated while the lists that they go through have become others.
    @Suite(.timeLimit(.minutes(30))) struct RepeatedLoopTests {
        /// Books each open order and closes it, and is broken off behind the second booking when it is first tried.
        private static func files(_ project: String) -> JSONObject {
            [
                "project.yaml": .string("project: \(project)\n"),
                "databases/\(project)/database.yaml": "description: Orders, and what was booked.\n",
                "connectors/store.yaml": .string("type: fullsync\ndatabase: \(project)\n"),
                "listeners/go.yaml": .string(
                    "database: \(project)\nselector: {type: go}\norigin: any\nsequence: book\n"
                ),
                "sequences/book.yaml": """
                variables: {doc: {type: object, multi: true}}
                steps:
                  - callTransaction: store.allDocs
                    with: {startKey: order-, endKey: order-z, includeDocs: true}
                    as: all
                  - forEach: all.rows.map(row => row.doc).filter(order => order.state === 'open')
                    item: order
                    do:
                      - callTransaction: store.postDocument
                        with:
                          document: "={type: 'booking', order: order._id, at: Date.now()}"
                      - callTransaction: store.postDocument
                        when: run.attempt === 1 && order._id === 'order-2'
                        with: {document: {_id: order-1-late, state: open}}
                      - fail: the second is not well
                        when: run.attempt === 1 && order._id === 'order-2'
                      - callTransaction: store.postDocument
                        with: {document: "={_id: order._id, state: 'booked'}", policy: merge}
                """,
            ]
        }

        @Test func `a list that lost and got elements between two attempts has each of them dealt with once`()
            async throws
        {
            let administrator = try await RunningSystem.shared.administrator
            let project = uniqueID("booking")
            let files: JSONValue = ["files": .object(Self.files(project))]
            let deployed = try await administrator.send("PUT", "/_fullsync/projects/\(project)", files)
            try #require(deployed.status == 200, "\(deployed.json)")
            for number in 1...4 {
                let order: JSONValue = ["state": "open"]
                try #require(try await administrator.send("PUT", "/\(project)/order-\(number)", order).status == 201)
            }
            try #require(try await administrator.send("PUT", "/\(project)/go", ["type": "go"]).status == 201)
            let orders = ["order-1", "order-1-late", "order-2", "order-3", "order-4"]
            try await eventually("all orders are booked") {
                for order in orders {
                    let document = try await administrator.get("/\(project)/\(order)").json
                    guard document["state"] == "booked" else { return false }
                }
                return true
            }
            let all = try await administrator.get("/\(project)/_all_docs?include_docs=true").json["rows"]
            let booked = (all?.arrayValue ?? []).compactMap { $0["doc"]?["order"]?.stringValue }
            #expect(booked.sorted() == orders)
        }
    }
}
