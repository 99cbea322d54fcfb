import Projects
import Sequences
import Testing

/// What is not judged: values that are not known yet, and references to what could not be read.
@Suite struct OpenProjectTests {
    private static let main = """
        project: shop
        symbols:
          URL: {}
          NAME: {}
          COUNT: {}
          TOKEN: {secret: true}
        """

    private func problems(_ files: [String: String], unset: Bool = true) async -> [String] {
        do {
            _ = try await Project.check(
                ["project.yaml": Self.main].merging(files) { _, new in new },
                symbol: { _ in nil },
                unset: unset ? { _ in "" } : nil,
                faults: { $0.map { _ in nil } }
            )
            return []
        } catch let error as ProjectProblems {
            return error.problems.map(\.description)
        } catch {
            return ["\(error)"]
        }
    }

    private static let open = [
        "connectors/erp.yaml": """
        type: http
        baseUrl: ${URL}
        authentication: {basic: {user: "${NAME}", password: "${TOKEN}"}}
        concurrency: ${COUNT}
        addresses: ["${URL}"]
        transactions:
          get: {method: GET, path: "${NAME}"}
        """,
        "connectors/people.yaml": """
        type: ldap
        host: directory
        base: ${NAME}
        transactions:
          find: {search: {filter: "(uid={user})"}}
          who: {authenticate: {dn: "uid={user},${NAME}", password: "{password}"}}
        """,
        "sequences/find.yaml":
            "variables: {user: {}}\nsteps: [{callTransaction: people.find, with: {user: =user}, as: a}]\n",
        "connectors/mail.yaml": "type: smtp\nhost: ${URL}\nport: ${COUNT}\nfrom: ${NAME}\n",
        "databases/docs/database.yaml": "anonymous: ${NAME}\nindexes: {byType: {fields: [\"${NAME}\"]}}\n",
        "sequences/take.yaml": "variables: {n: {type: integer}, doc: {type: object, multi: true}}\nsteps: []\n",
        "sequences/ask.yaml": "steps: [{callTransaction: erp.get}]\n",
        "jobs/each.yaml": "sequence: take\nwith: {n: \"${COUNT}\"}\nschedule: {cron: \"${NAME}\"}\n",
        "jobs/all.yaml": "group: [\"${NAME}\", each]\nschedule: []\n",
        "listeners/hear.yaml": "database: ${NAME}\nselector: {a: {$in: \"${NAME}\"}}\nsequence: take\n",
        "tests/takes.yaml": "cases: [{call: take, with: {n: \"${COUNT}\"}, expect: {a: {$in: \"${NAME}\"}}}]\n",
    ]

    @Test func `a value with a symbol that is not set is not judged`() async {
        #expect(await problems(Self.open) == [])
    }

    @Test func `where every symbol must be set, all is judged`() async {
        let told = await problems(Self.open, unset: false)
        #expect(told.contains { $0.hasPrefix("project.yaml:3:3: the symbol 'URL' has no value and no default") })
    }

    @Test func `what is wrong whatever the symbol's value is told all the same`() async {
        let connector = "type: http\nbaseUrl: ${URL}\ntimeot: 5s\ntransactions: {}\n"
        let listener = "database: docs\nall: true\nsequence: ${TOKEN}\n"
        #expect(
            await problems([
                "connectors/erp.yaml": connector, "listeners/hear.yaml": listener,
                "databases/docs/database.yaml": "anonymous: ${NOME}\n",
            ]) == [
                "connectors/erp.yaml:3:1: unknown member 'timeot' in a connector; did you mean 'timeout'?",
                "databases/docs/database.yaml:1:12: there is no symbol 'NOME' in project.yaml; did you mean 'NAME'?",
                "listeners/hear.yaml:3:11: the symbol 'TOKEN' is secret and may stand in connectors only",
            ]
        )
    }

    @Test func `what could not be read is not missing`() async {
        let files = [
            "sequences/run.yaml": """
            variables: {n: {type: intger}}
            steps:
              - callTransaction: erp.get
            """,
            "sequences/call.yaml": "steps: [{callSequence: run, with: {n: 1}}]\n",
            "connectors/erp.yaml": """
            type: http
            baseUrl: http://erp
            transactions:
              get: {method: GTE, path: /a, wrong: 1}
            """,
            "jobs/c.yaml": "sequence: call\nmised: once\nschedule: {every: 0s}\n",
            "jobs/d.yaml": "group: [c]\nschedule: []\n",
            "project.yaml": "project: shop\nsymbols:\n  URL: http://erp\n",
            "connectors/other.yaml": "type: http\nbaseUrl: ${URL}\ntransactions: {}\n",
        ]
        let told = await problems(files)
        #expect(!told.contains { $0.contains("there is no") || $0.contains("has no") }, "\(told)")
        #expect(
            Set(told.map { String($0.prefix { $0 != ":" }) }) == [
                "sequences/run.yaml", "connectors/erp.yaml", "jobs/c.yaml", "project.yaml",
            ],
            "\(told)"
        )
    }
}
