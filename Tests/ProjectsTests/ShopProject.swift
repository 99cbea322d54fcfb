import Projects
import ScriptEngine

/// A small right project, which the tests of wrong ones spoil one thing of.
enum ShopProject {
    static let files: [String: String] = [
        "project.yaml": """
        project: shop
        description: A shop.
        login: login
        symbols:
          URL: {default: "http://erp.internal:8080/api"}
          TOKEN: {secret: true}
          PAGE: {default: 100}
        notifications:
          orders-changed: pull
          stock: {sequence: pull, runAs: clerk}
        """,
        "connectors/erp.yaml": """
        type: http
        baseUrl: ${URL}
        headers: {Accept: application/json}
        authentication: {bearer: "${TOKEN}"}
        timeout: 10s
        concurrency: 4
        transactions:
          authenticate:
            method: POST
            path: /sessions
            variables:
              user: {type: string, required: true}
              password: {type: string, required: true, secret: true}
            json: {user: "{user}", password: "{password}"}
            accept: [200, 401]
          orders:
            path: /orders
            query:
              after: "{after}"
              limit: ${PAGE}
          update:
            method: PATCH
            path: /orders/{number}
            json: "{changes}"
            idempotent: true
        """,
        "connectors/docs.yaml": """
        type: fullsync
        database: docs
        """,
        "sequences/login.yaml": """
        variables:
          user: {type: string, required: true}
          password: {type: string, required: true, secret: true}
        steps:
          - callTransaction: erp.authenticate
            with: {user: =user, password: =password}
            as: answer
          - setAuthenticatedUser: =answer.body.user
            groups: =answer.body.teams
        """,
        "sequences/pull.yaml": """
        access: public
        timeout: 5m
        variables:
          after: {type: string}
          pages: {type: integer, default: 1}
        steps:
          - callTransaction: erp.orders
            with: {after: =after}
            as: page
          - callTransaction: docs.postBulkDocuments
            with: {documents: =page.body.rows, policy: merge, onlyIfChanged: true}
            as: result
          - output: {written: =result.written}
        """,
        "sequences/push.yaml": """
        authenticated: true
        variables:
          doc: {type: object, multi: true, required: true}
        steps:
          - forEach: doc
            item: order
            do:
              - callTransaction: erp.update
                with:
                  number: =order.number
                  changes: {status: =order.status}
        """,
        "listeners/push.yaml": """
        database: docs
        view: listeners/orders
        sequence: push
        """,
        "jobs/nightly.yaml": """
        sequence: pull
        with: {pages: 3}
        schedule: {cron: "0 30 6 * * MON-FRI", timeZone: Europe/Paris}
        """,
        "tests/pulls.yaml": """
        cases:
          - name: a page
            call: pull
            with: {after: "7"}
            expect: {written: {$gt: 0}}
            within: 5s
          - call: push
            as: {user: clerk, groups: [sales]}
            with: {doc: []}
            fails: invalid_variable
          - call: push
            as: clerk
            with: {doc: [{number: 1}]}
            answer: {}
        """,
        "databases/docs/database.yaml": """
        anonymous: read
        indexes:
          byStatus: {fields: [status, {due: asc}], partial_filter_selector: {type: order}}
          byDue: {fields: due, ddoc: _design/byStatus}
        """,
        "databases/docs/design/listeners/views/orders/map.js": "doc => { emit(doc._id, null) }",
    ]

    /// The values of the symbols that have none of their own.
    static let symbols = ["TOKEN": "t0ps3cr3t"]

    /// Reads the project with some files added, replaced or, as nil, left out.
    static func read(
        _ changes: [String: String?] = [:],
        limits: ProjectLimits = ProjectLimits(),
        symbols: [String: String] = symbols
    ) throws(ProjectProblems) -> Project {
        try Project.read(files(with: changes), limits: limits) { symbols[$0] }
    }

    /// Reads the project likewise, and parses its JavaScript.
    static func check(_ changes: [String: String?] = [:]) async throws -> Project {
        try await Project.check(files(with: changes)) {
            symbols[$0]
        } faults: { scripts in
            let context = ScriptMachine(callTime: .seconds(60)).makeContext()
            return scripts.map { script in
                context.syntaxFault(in: script.text, as: SyntaxForm(script.form))
                    .map { ProjectScript.Fault(line: $0.line, message: $0.message) }
            }
        }
    }

    private static func files(with changes: [String: String?]) -> [String: String] {
        var files = files
        for (path, text) in changes { files[path] = text }
        return files
    }
}

extension SyntaxForm {
    fileprivate init(_ form: ProjectScript.Form) {
        switch form {
        case .expression: self = .expression
        case .statements: self = .statements
        case .function: self = .function
        case .module: self = .module
        }
    }
}
