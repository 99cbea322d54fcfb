import JSON

/// The project of these tests: everything that happens leaves a document in a ledger, once.
enum FaultProject {
    static let name = "faults"
    static let documents = "faultdocs"
    static let ledger = "faultledger"
    /// How often the job fires, in seconds.
    static let interval = 2

    private static let post = "callTransaction: ledger.postDocument"

    /// What brings visits to the ERP, which keeps a ledger of its own.
    private static let visits = [
        (
            "project.yaml",
            """
            project: faults
            notifications: {ping: on-ping}
            symbols: {ERP_URL: {description: The ERP.}, ERP_TOKEN: {description: Its token., secret: true}}
            """
        ),
        (
            "connectors/erp.yaml",
            """
            type: http
            baseUrl: ${ERP_URL}
            addresses: [loopback, private]
            authentication: {bearer: "${ERP_TOKEN}"}
            timeout: 5s
            transactions:
              note:
                method: PATCH
                path: /work-orders/{number}
                variables: {number: {type: string}, notes: {type: string}}
                json: {notes: "{notes}"}
                idempotent: true
            """
        ),
        (
            "sequences/visit.yaml",
            """
            variables: {doc: {type: object, multi: true}}
            steps:
              - forEach: doc
                item: visit
                do:
                  - callTransaction: erp.note
                    with: {number: =visit.order, notes: =visit.note}
            """
        ),
        (
            "listeners/visits.yaml",
            "database: faultdocs\nselector: {type: visit}\nchunk: 5\nstart: beginning\nsequence: visit\n"
        ),
    ]

    /// What notes down changes, notifications, and firings of the job where it is ticking.
    private static func records(ticking: Bool) -> [(String, String)] {
        [
            // As long as a listener is kept from reading, its documents go on, and are to be told apart afterwards.
            (
                "databases/faultdocs/database.yaml",
                "description: What devices and the office write.\nrevisionLimit: 1000\n"
            ),
            // So that the listener asks script hosts, which are killed and frozen, too.
            (
                "databases/faultdocs/design/all/views/byId/map.js",
                "function (doc) { emit(doc._id, null); }"
            ),
            ("databases/faultledger/database.yaml", "description: What has happened.\n"),
            ("connectors/ledger.yaml", "type: fullsync\ndatabase: faultledger\n"),
            (
                "sequences/record.yaml",
                """
                variables: {doc: {type: object, multi: true}}
                steps:
                  - forEach: doc
                    item: change
                    do:
                      - \(post)
                        with: {document: {kind: change, id: =change._id, rev: =change._rev}, owner: anonymous}
                """
            ),
            (
                "listeners/record.yaml",
                """
                database: faultdocs
                view: all/byId
                on: [update, delete]
                chunk: 3
                start: beginning
                sequence: record
                """
            ),
            (
                "sequences/on-ping.yaml",
                """
                variables: {n: {type: integer, required: true}}
                steps:
                  - \(post)
                    with: {document: {kind: ping, n: =n}, owner: anonymous}
                """
            ),
            (
                "sequences/tick.yaml",
                "steps:\n  - \(post)\n    with: {document: {kind: tick}, owner: anonymous}\n"
            ),
            (
                "jobs/tick.yaml",
                """
                sequence: tick
                schedule: {every: \(interval)s}
                missed: all
                overlap: allow
                enabled: \(ticking)
                """
            ),
        ]
    }

    /// - Parameter ticking: Whether the job fires.
    static func deploy(to system: FaultySystem, ticking: Bool) async throws {
        let files = (visits + records(ticking: ticking)).map { ($0.0, JSONValue.string($0.1)) }
        let body: JSONValue = ["files": .object(JSONObject(files))]
        _ = try await system.administrator.ask("PUT", "/_fullsync/projects/\(name)", body)
    }
}
