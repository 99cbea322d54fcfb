import JSON
import Projects
import Sequences
import TestSupport
import Testing

@Suite struct HTTPRequestPlanTests {
    /// The plan of a transaction that is given as YAML, of a connector at http://erp:8080/api.
    private func plan(
        _ transaction: String,
        _ variables: JSONObject = [:],
        headers: String = "{}"
    ) throws -> HTTPRequestPlan {
        let indented = transaction.split(separator: "\n").map { "    \($0)" }.joined(separator: "\n")
        let text = """
            type: http
            baseUrl: http://erp:8080/api/
            headers: \(headers)
            transactions:
              t:
            \(indented)
            """
        let project = try Project.read(["project.yaml": "project: p", "connectors/erp.yaml": text]) { _ in nil }
        guard case .http(let connector) = project.connectors["erp"]?.kind, let transaction = connector.transactions["t"]
        else { throw SequenceFailure(code: .notFound, message: "no transaction") }
        return try HTTPRequestPlan.make(transaction, of: connector, variables: variables)
    }

    private func failure(_ transaction: String, _ variables: JSONObject) throws -> SequenceFailure {
        try #require(#expect(throws: SequenceFailure.self) { try plan(transaction, variables) })
    }

    @Test(
        arguments: [
            ("WO-1", "/api/orders/WO-1"), ("a/b", "/api/orders/a%2Fb"), ("a b?c#d", "/api/orders/a%20b%3Fc%23d"),
            ("../../admin", "/api/orders/..%2F..%2Fadmin"), ("ü😀", "/api/orders/%C3%BC%F0%9F%98%80"),
            ("x\r\nHost: evil", "/api/orders/x%0D%0AHost%3A%20evil"), ("%2e%2e", "/api/orders/%252e%252e"),
            (7, "/api/orders/7"),
            ("\0", "/api/orders/%00"), ("~-._", "/api/orders/~-._"),
        ] as [(JSONValue, String)]
    )
    func `no value leaves its segment of the path`(value: JSONValue, target: String) throws {
        #expect(try plan("path: /orders/{n}", ["n": value]).target == target)
    }

    @Test(arguments: ["", ".", "..", [1], [:]] as [JSONValue])
    func `a value that cannot stand in a path is refused`(value: JSONValue) throws {
        #expect(try failure("path: /orders/{n}", ["n": value]).code == .invalidValue)
    }

    @Test func `dots that come together from two values are refused too`() throws {
        #expect(try failure("path: /{a}{b}/x", ["a": ".", "b": "."]).code == .invalidValue)
    }

    @Test func `a query is encoded, repeats a list and leaves out what is absent`() throws {
        let transaction =
            "path: /o\nquery: {q: \"{q}\", ids: \"{ids}\", none: \"{none}\", mixed: \"<{none}>\", fixed: a&b=c}"
        let plan = try plan(transaction, ["q": "a&b=c d+é", "ids": ["1", 2, "x,y"]])
        #expect(plan.target == "/api/o?q=a%26b%3Dc%20d%2B%C3%A9&ids=1&ids=2&ids=x%2Cy&mixed=%3C%3E&fixed=a%26b%3Dc")
    }

    @Test(arguments: ["x\r\nSet-Cookie: a", "x\ny", "\0", "naïve", "\u{7F}"])
    func `a header takes printable ASCII and nothing else`(value: String) throws {
        let failure = try failure("path: /\nheaders: {X-Note: \"{n}\"}", ["n": .string(value)])
        #expect(failure.code == .invalidValue)
        #expect(!failure.description.contains(value))
    }

    @Test func `a transaction's header takes the place of the connector's, and an absent one is left out`() throws {
        let plan = try plan(
            "path: /\nheaders: {ACCEPT: text/plain, X-A: \"{a}\", X-B: \"{b}\"}",
            ["b": "v"],
            headers: "{Accept: application/json, X-C: c}"
        )
        #expect(plan.headers.map { "\($0.name): \($0.value)" } == ["x-c: c", "accept: text/plain", "x-b: v"])
    }

    @Test func `a JSON body keeps types, leaves out absent members, and cannot be broken out of`() throws {
        let transaction = """
            method: POST
            path: /
            json: {exact: "{v}", text: "<{v}>", absent: "{none}", deep: {list: ["{v}", 1, "{none}"]}, literal: "{{v}}"}
            """
        let hostile = try plan(transaction, ["v": #"","admin":true,"x":""#])
        let text = String(decoding: try #require(hostile.body), as: UTF8.self)
        #expect(
            text == #"{"exact":"\",\"admin\":true,\"x\":\"","text":"<\",\"admin\":true,\"x\":\">","#
                + #""deep":{"list":["\",\"admin\":true,\"x\":\"",1,null]},"literal":"{v}"}"#
        )
        let typed = try plan(transaction, ["v": ["n": 1.50]])
        #expect(try JSONValue(parsing: try #require(typed.body))["exact"] == ["n": 1.5])
        #expect(typed.headers == [HTTPHeader(name: "Content-Type", value: "application/json")])
    }

    @Test func `a whole body may be one variable`() throws {
        let plan = try plan("method: PATCH\npath: /\njson: \"{changes}\"", ["changes": ["a": nil, "b": []]])
        #expect(plan.body == Array(#"{"a":null,"b":[]}"#.utf8))
    }

    @Test func `a form is encoded as browsers do`() throws {
        let plan = try plan("method: POST\npath: /\nform: {a: \"{a}\", b: \"{none}\"}", ["a": "x y&z=é~*"])
        #expect(plan.body == Array("a=x+y%26z%3D%C3%A9%7E*".utf8))
        #expect(plan.headers.first?.value == "application/x-www-form-urlencoded")
    }

    @Test func `a text takes values as they are`() throws {
        let plan = try plan(
            "method: POST\npath: /\ntext: \"{\\\"a\\\": \\\"{a}\\\"}\"\ncontentType: text/xml",
            ["a": "1"]
        )
        #expect(plan.body == Array(#"{"a": "1"}"#.utf8))
        #expect(plan.headers.first?.value == "text/xml")
    }

    @Test func `variables are checked before anything is made`() throws {
        let transaction = "path: /\nquery: {n: \"{n}\"}\nvariables: {n: {type: integer, required: true}}"
        #expect(try failure(transaction, [:]).code == .invalidVariable)
        #expect(try failure(transaction, ["n": "x"]).code == .invalidVariable)
        #expect(try failure(transaction, ["n": 1, "m": 2]).code == .invalidVariable)
        #expect(try plan(transaction, ["n": 1]).target == "/api/?n=1")
    }

    @Test func `credentials are sent, and shown by no description`() throws {
        let files = [
            "project.yaml": "project: p\nsymbols: {P: {secret: true}}",
            "connectors/e.yaml": """
            type: http
            baseUrl: https://erp
            authentication: {basic: {user: Aladdin, password: "${P}"}}
            transactions: {t: {path: /}}
            """,
        ]
        let project = try Project.read(files) { _ in "open sesame" }
        guard case .http(let connector) = project.connectors["e"]?.kind else { throw CancellationError() }
        let transaction = try #require(connector.transactions["t"])
        let plan = try HTTPRequestPlan.make(transaction, of: connector, variables: [:])
        #expect(plan.headers == [HTTPHeader(name: "authorization", value: "Basic QWxhZGRpbjpvcGVuIHNlc2FtZQ==")])
        #expect(plan.url == "https://erp/")
        var dumped = ""
        dump(project, to: &dumped)
        dump(plan, to: &dumped)
        dump(connector.authentication, to: &dumped)
        let shown = dumped + "\(project)\(plan)\(connector)\(plan.headers)"
        #expect(!shown.contains("sesame") && !shown.contains("QWxhZGRpbjpvcGVu"))
    }

    @Test func `random values never change the shape of a request`() throws {
        let transaction =
            "method: POST\npath: /o/{a}/p\nquery: {q: \"{a}\"}\nheaders: {X-N: \"{h}\"}\njson: {a: \"x{a}\"}"
        var random = SeededGenerator(seed: 3)
        let alphabet = Array("ab/.?&=#%{}\"\\\r\n\0 +;:é😀".unicodeScalars)
        for _ in 0..<500 {
            var value = ""
            for _ in 0...Int.random(in: 1...12, using: &random) {
                value.unicodeScalars.append(alphabet[Int.random(in: 0..<alphabet.count, using: &random)])
            }
            guard value != ".", value != ".." else { continue }
            let plan = try plan(transaction, ["a": .string(value), "h": "ok"])
            #expect(plan.target.utf8.count { $0 == UInt8(ascii: "/") } == 4, "\(value)")
            #expect(plan.target.utf8.count { $0 == UInt8(ascii: "?") } == 1, "\(value)")
            #expect(plan.target.utf8.allSatisfy { (0x21...0x7E).contains($0) }, "\(value)")
            #expect(try JSONValue(parsing: try #require(plan.body)) == ["a": .string("x" + value)], "\(value)")
        }
    }
}
