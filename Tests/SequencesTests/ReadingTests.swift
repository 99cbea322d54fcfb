import JSON
import Sequences
import Testing

/// Wrong steps, each with the one thing that is said about it.
@Suite struct ReadingTests {
    static let wrong: [(JSONValue, String)] = [
        ([5], "a step must be a mapping like 'set: {…}', found a number"),
        ([["ste": ["a": 1]]], "unknown step 'ste'; did you mean 'set'?"),
        ([["set": ["a": 1], "log": "x"]], "two steps in one: 'set' and 'log'; begin each step with '-'"),
        ([["set": 5]], "'set' must be a mapping (name: value), found a number"),
        ([["set": ["a-b": 1]]], "'a-b' is no name that expressions can use (letters, digits, _ and $, no digit first)"),
        ([["set": ["a": 1], "wen": "x"]], "unknown member 'wen' in the step 'set'; did you mean 'when'?"),
        ([["set": ["a": 1], "when": "=x"]], "'when' takes an expression without '='; write when: x"),
        ([["output": "text"]], "'output' must be a mapping (name: value) or an expression, found a string"),
        ([["js": nil]], "'js' needs JavaScript code, found nothing"),
        ([["callTransaction": "erp"]], "'callTransaction' must name connector.transaction"),
        (
            [["callTransaction": "erp.get", "with": [1]]],
            "'with' must be a mapping (variable: value) or an expression, found a list"
        ),
        (
            [["callTransaction": "erp.get", "as": "1x"]],
            "'as' must be a name that expressions can use (letters, digits, _ and $, no digit first)"
        ),
        ([["callSequence": "a/b/c"]], "'callSequence' must name a sequence, or project/sequence"),
        ([["if": nil, "then": []]], "'if' needs an expression, like order.status == 'open'"),
        ([["if": "x"]], "the step 'if' needs 'then': a list of steps"),
        ([["if": "x", "then": 5]], "steps must be a list, found a number"),
        ([["switch": "x"]], "the step 'switch' needs 'cases': a list like [{value: open, do: […]}]"),
        (
            [["switch": "x", "cases": [["do": []]]]],
            "a case of 'switch' needs 'value': what the expression is compared with"
        ),
        ([["forEach": "x"]], "the step 'forEach' needs 'do': a list of steps"),
        (
            [["forEach": "x", "do": [], "as": "y"]],
            "the step 'forEach' needs 'collect': what each turn adds to the list that 'as' names"
        ),
        ([["while": "x", "do": [], "max": 0]], "'max' must be a whole number from 1 to 1000000, found 0"),
        ([["parallel": ["limit": 2]]], "'parallel' needs 'branches': a list of lists of steps"),
        (
            [["parallel": ["branches": [["log": "x"]]]]],
            "a branch must be a list of steps, found a mapping; begin it with '- -'"
        ),
        ([["parallel": ["branches": [[["return": 1]]]]]], "'return' inside of a 'parallel'"),
        (
            [["parallel": ["branches": [[["setAuthenticatedUser": "a"]]]]]],
            "'setAuthenticatedUser' inside of a 'parallel'"
        ),
        ([["forEach": "l", "do": [["parallel": ["branches": [[["break": nil]]]]]]]], "'break' outside of a loop"),
        ([["break": nil]], "'break' outside of a loop"),
        ([["try": [["log": "x"]]]], "the step 'try' needs 'catch': a list of steps, or 'finally'"),
        ([["try": [], "finally": [["return": 1]]]], "'return' inside of a 'finally'"),
        ([["forEach": "l", "do": [["try": [], "finally": [["continue": nil]]]]]], "'continue' out of a 'finally'"),
        ([["fail": ["cod": "x"]]], "unknown member 'cod' in 'fail'; did you mean 'code'?"),
        ([["sleep": "soon"]], "'sleep' must be a duration like 500ms, 10s or 5m"),
        ([["log": ["level": "warn", "message": "x"]]], "'level' must be one of debug, info, warning, error"),
        ([["setAuthenticatedUser": nil]], "'setAuthenticatedUser' needs a user's name or an expression"),
        ([["removeAuthenticatedUser": 5]], "'removeAuthenticatedUser' takes no value"),
    ]

    @Test(arguments: wrong)
    func `a wrong step has one right message`(steps: JSONValue, message: String) {
        let problems = ProblemCollector()
        _ = StepBlock(reading: SourceNode(json: steps), problems: problems)
        let said = problems.problems.map { $0.message + ($0.suggestion.map { "; \($0)" } ?? "") }
        #expect(said == [message])
    }

    @Test func `steps may be nested to the limit and no deeper`() {
        func nested(_ depth: Int) -> JSONValue {
            (0..<depth).reduce([["log": "x"]]) { inner, _ in [["if": "true", "then": inner]] }
        }
        for (depth, count) in [(StepMembers.depthLimit, 0), (StepMembers.depthLimit + 1, 1)] {
            let problems = ProblemCollector()
            _ = StepBlock(reading: SourceNode(json: nested(depth)), problems: problems)
            #expect(problems.problems.count == count)
        }
    }

    @Test func `every kind of step has its own keyword`() {
        #expect(StepCatalogue.byKeyword.count == StepCatalogue.all.count)
    }

    @Test func `problems are bounded and each is kept once`() {
        let problems = ProblemCollector()
        for line in 0..<1_000 {
            for _ in 0..<2 { problems.report("x", at: SourcePosition(file: "f", line: line, column: 1)) }
        }
        #expect(problems.problems.count == ProblemCollector.limit)
        #expect(problems.problems.map(\.line) == Array(0..<ProblemCollector.limit))
    }
}
