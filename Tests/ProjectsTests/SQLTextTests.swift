import JSON
import Projects
import Sequences
import Testing

@Suite struct SQLTextTests {
    /// A statement of an engine, bound to values.
    private func bind(
        _ sql: String,
        _ values: JSONObject = [:],
        engine: String = "mariadb",
        variables: String? = nil
    ) throws -> BoundSQL {
        let quoted = JSONValue.string(sql).text
        let declared = variables.map { "\n    variables: \($0)" } ?? ""
        let project = try Project.read([
            "project.yaml": "project: p\nsymbols: {P: {secret: true}}",
            "connectors/db.yaml": """
            type: sql
            engine: \(engine)
            host: db
            database: d
            user: u
            password: ${P}
            transactions:
              t:
                sql: \(quoted)\(declared)
            """,
        ]) { _ in "p" }
        guard case .sql(let connector)? = project.connectors["db"]?.kind, let transaction = connector.transactions["t"]
        else { throw SequenceFailure(code: .notFound, message: "no transaction") }
        let style: SQLText.Style = connector.engine == .postgresql ? .numbered : .questionMarks
        return try #require(try transaction.bind(values, as: style).first)
    }

    @Test func `values are parameters, each use for itself`() throws {
        let numbered = try bind("SELECT {a}, {b}, {a}", ["a": 1, "b": "x"], engine: "postgresql")
        #expect(numbered.text == "SELECT $1, $2, $3")
        #expect(numbered.parameters == [1, "x", 1])
        #expect(try bind("SELECT {a}, {b}", ["a": 1]).text == "SELECT ?, ?")
        #expect(try bind("SELECT {a}, {b}", ["a": 1]).parameters == [1, .null])
    }

    @Test func `a multi-valued variable is a list of parameters`() throws {
        let variables = "{ids: {multi: true}}"
        let sql = "SELECT 1 WHERE a IN ({ids})"
        #expect(try bind(sql, ["ids": [1, 2, 3]], variables: variables).text == "SELECT 1 WHERE a IN (?, ?, ?)")
        #expect(try bind(sql, ["ids": []], variables: variables).text == "SELECT 1 WHERE a IN (NULL)")
        #expect(try bind(sql, ["ids": "x"], variables: variables).parameters == ["x"])
        let many = JSONValue.array((0...SQLText.maximumValues).map { .number(JSONNumber($0)) })
        #expect(throws: SequenceFailure.self) { try bind(sql, ["ids": many], variables: variables) }
        // A list that is not multi-valued is one value.
        #expect(try bind("SELECT {a}", ["a": [1, 2]]).parameters == [[1, 2]])
    }

    @Test(
        arguments: [
            ("mariadb", #"SELECT 'it\'s {' , "{x", `{y`, {a} -- {b} '"#), ("mariadb", "SELECT {a} # it's {b}"),
            ("postgresql", "SELECT $$it's {x$$, $t$ $$ {y $t$, E'\\'{', 'a''b', {a} /* {b} /* ' */ */"),
            ("postgresql", "SELECT '{\"a\":1}'::jsonb -> {a}"), ("sqlserver", "SELECT [it's {], {a}"),
            ("sqlserver", "{call p({a})}"), ("oracle", "BEGIN p({a}); END;"), ("mariadb", "SELECT {a};"),
            ("postgresql", "SELECT '1'::int, {a} ? 'x'"),
        ]
    )
    func `quotes, comments and other braces are the engine's own`(engine: String, sql: String) throws {
        #expect(try bind(sql, ["a": 1], engine: engine).parameters == [1])
    }

    @Test func `a description shows no value`() throws {
        let bound = try bind("SELECT {a}", ["a": "s3cret"])
        #expect(!"\(bound) \(String(reflecting: bound))".contains("s3cret"))
    }
}
