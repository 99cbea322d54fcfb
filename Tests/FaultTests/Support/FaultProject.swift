import JSON

/// The project of these tests: everything that happens leaves a document in a ledger, once.
enum FaultProject {
    static let name = "faults"
    static let documents = "faultdocs"
    static let ledger = "faultledger"
    /// How often the job fires that leaves a document, in seconds.
    static let interval = 2
    /// How often the one fires that is counted in the ERP.
    static let countingInterval = 3

    private static let post = "callTransaction: ledger.postDocument"

    /// The steps that note each change of a listener in the ledger.
    private static func recording(_ kind: String) -> String {
        """
        variables: {doc: {type: object, multi: true}}
        steps:
          - forEach: doc
            item: change
            do:
              - \(post)
                with: {document: {kind: \(kind), id: =change._id, rev: =change._rev}, owner: anonymous}
        """
    }

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
              create:
                method: POST
                path: /work-orders
                variables: {title: {type: string}, customer: {type: string}, technician: {type: string}}
                json: {title: "{title}", customer: "{customer}", technician: "{technician}"}
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

    /// What has the ERP make a work order for each wish, which it does as often as it is asked; the number that it
    /// gives is noted in the ledger and comes back to the devices.
    private static let wishes = [
        ("connectors/docs.yaml", "type: fullsync\ndatabase: faultdocs\n"),
        (
            "sequences/wish.yaml",
            """
            timeout: \(wishSeconds)s
            variables: {doc: {type: object, multi: true}}
            steps:
              - forEach: doc
                item: wish
                do:
                  - callTransaction: erp.create
                    with: {title: =wish.title, customer: =wish.customer, technician: =wish.technician}
                    as: made
                  - \(post)
                    with: {document: {kind: wish, title: =wish.title, number: =made.body.number}, owner: anonymous}
                  - callTransaction: docs.postDocument
                    with:
                      document: {_id: "='made-' + made.body.number", type: made}
                      owner: user
            """
        ),
        (
            "listeners/wishes.yaml",
            "database: faultdocs\nselector: {type: wish}\nchunk: 1\nstart: beginning\nsequence: wish\n"
        ),
    ]

    /// How long a run of a wish may take, in seconds; what it has asked for is not begun later.
    static let wishSeconds = 10

    /// What notes down every change, whoever made it; and what notes down the good ones of documents that also change
    /// for the bad, and lets them pass these.
    private static let others = [
        ("sequences/echo.yaml", recording("echo")),
        (
            "listeners/echo.yaml",
            """
            database: faultdocs
            all: true
            origin: any
            on: [update, delete]
            start: beginning
            sequence: echo
            """
        ),
        (
            "sequences/mixed.yaml",
            """
            variables: {doc: {type: object, multi: true}}
            steps:
              - forEach: doc
                item: change
                do:
                  - if: change.bad
                    then:
                      - js: throw new Error("this change is poison")
                  - \(post)
                    with: {document: {kind: mixed, id: =change._id, n: =change.n}, owner: anonymous}
            """
        ),
        (
            "listeners/mixed.yaml",
            """
            database: faultdocs
            selector: {type: mixed}
            chunk: 1
            ordering: pass
            start: beginning
            sequence: mixed
            """
        ),
    ]

    /// What has the ERP count the firings of a job, at a work order of nobody else; the key that it keeps of each names
    /// the run, and the run's firing its time.
    private static func counting(at order: String, isOn: Bool) -> [(String, String)] {
        [
            (
                "sequences/count.yaml",
                """
                steps:
                  - callTransaction: erp.note
                    with: {number: \(order), notes: "='counted by ' + run.id"}
                """
            ),
            (
                "jobs/count.yaml",
                """
                sequence: count
                schedule: {cron: "*/\(countingInterval) * * * * *", timeZone: Europe/Berlin}
                missed: all
                overlap: allow
                enabled: \(isOn)
                """
            ),
        ]
    }

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
            ("sequences/record.yaml", recording("change")),
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

    /// - Parameters:
    ///   - ticking: Whether the jobs fire.
    ///   - order: The work order at which firings are counted.
    static func deploy(to system: FaultySystem, ticking: Bool, countingAt order: String) async throws {
        let files =
            (visits + wishes + others + records(ticking: ticking) + counting(at: order, isOn: ticking))
            .map { ($0.0, JSONValue.string($0.1)) }
        let body: JSONValue = ["files": .object(JSONObject(files))]
        _ = try await system.administrator.ask("PUT", "/_fullsync/projects/\(name)", body)
    }
}
