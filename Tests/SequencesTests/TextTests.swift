import JSON
import Sequences
import Testing

@Suite struct TextTests {
    @Test(arguments: [
        ("500ms", Duration.milliseconds(500)), ("10s", .seconds(10)), ("5m", .seconds(300)), ("2h", .seconds(7_200)),
        ("7d", .seconds(604_800)),
    ])
    func `a duration is read and written back`(text: String, duration: Duration) {
        #expect(Duration(projectText: text) == duration)
        #expect(duration.projectText == text)
    }

    @Test(arguments: ["", "10", "s", "0s", "-1s", "1.5s", "10 s", "10S", "4000d", "99999999999999999999s", "١s"])
    func `what is no duration is refused`(text: String) {
        #expect(Duration(projectText: text) == nil)
    }

    @Test(arguments: [
        ("metod", "method"), ("ptah", "path"), ("QUERY", "query"), ("callTransation", "callTransaction"), ("zzz", nil),
        ("", nil),
    ])
    func `a misspelt name has its nearest`(name: String, expected: String?) {
        #expect(nearestName(to: name, among: ["method", "path", "query", "callTransaction"]) == expected)
    }

    @Test func `a script mentions every name that it could use`() {
        let position = SourcePosition(file: "f", line: 1, column: 1)
        func names(_ source: String) -> Set<String>? { Script(.expression, source, at: position).mentionedNames }
        #expect(names("order.lines[0] + $x_1 * 2") == ["order", "lines", "$x_1"])
        #expect(names("`${größe}`") == ["$", "größe"])
        #expect(names("eval('x')") == nil)
        #expect(names(#"\u0061"#) == nil)
        #expect(names(#"/\d+/.test(x)"#)?.contains("x") == true)
    }

    @Test func `truth is JavaScript's`() async throws {
        let values: [(JSONValue, Bool)] = [
            (nil, false), (false, false), (0, false), ("", false), (true, true), (1, true), ("0", true), ([], true),
            ([:], true),
        ]
        for (value, isTrue) in values {
            let answer = try await run(
                [["if": "v", "then": [["output": ["t": true]]], "else": [["output": ["t": false]]]]],
                variables: ["v": value],
                declared: [VariableDefinition(name: "v")]
            )
            #expect(answer.value["t"] == .bool(isTrue))
        }
    }
}
