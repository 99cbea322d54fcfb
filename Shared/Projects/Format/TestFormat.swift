import CouchProtocol
import JSON
import Sequences

extension ProjectReader {
    /// How long a case may wait for what listeners do.
    private static let longestPatience = Duration.seconds(300)
    private static let caseLimit = 1_000

    /// Reads `tests/<name>.yaml`: `cases`, each with a name, what is called, for whom and with what, and what is to
    /// come of it.
    func readTests(_ name: String, file: String) -> [TestCase] {
        guard var members = members(of: file, subject: "a file of tests") else { return [] }
        _ = members.text("description")
        let nodes = members.list("cases")
        if nodes == nil, !members.has("cases") { members.reportMissing("cases", expected: "a list of calls") }
        members.finish()
        guard (nodes ?? []).count <= Self.caseLimit else {
            problems.report("more than \(Self.caseLimit) cases", at: members.position(of: "cases"))
            return []
        }
        return (nodes ?? []).enumerated().compactMap { index, node in readCase(node, number: index + 1, file: name) }
    }

    private func readCase(_ node: SourceNode, number: Int, file: String) -> TestCase? {
        guard var members = SourceMembers(node, subject: "a case", problems: problems) else { return nil }
        let name = members.text("name")
        let sequence = members.text("call", required: "the sequence that is called")
        let caller = readCaller(&members)
        problems.pardon(holder: members.node(of: "with"))
        let variables = JSONObject((members.mapping("with") ?? []).map { ($0.name, $0.node.json) })
        let expectation = readExpectation(&members)
        let patience = members.duration("within", atMost: Self.longestPatience, default: .zero)
        members.finish()
        guard let sequence else { return nil }
        return TestCase(
            file: file,
            name: name ?? "\(sequence), case \(number)",
            sequence: sequence,
            caller: caller,
            variables: variables,
            expectation: expectation,
            patience: patience,
            position: members.position(of: "call"),
            variablesPosition: members.position(of: "with")
        )
    }

    /// Reads `as: ann` or `as: {user: ann, groups: [painters]}`.
    private func readCaller(_ members: inout SourceMembers) -> TestCase.Caller? {
        guard let node = members.take("as")?.node, !node.isNull else { return nil }
        if let user = node.string { return TestCase.Caller(user: user, groups: nil) }
        guard var reader = SourceMembers(node, subject: "'as'", problems: problems) else { return nil }
        let user = reader.text("user", required: "a user's name")
        let groups = reader.list("groups")?.compactMap { node -> String? in
            if node.string == nil { reader.reportType(of: "groups", expected: "a list of names", found: node) }
            return node.string
        }
        reader.finish()
        return user.map { TestCase.Caller(user: $0, groups: groups) }
    }

    /// Reads `expect`, `answer` or `fails`, of which a case has one at most.
    private func readExpectation(_ members: inout SourceMembers) -> TestCase.Expectation {
        let selector = members.take("expect")?.node
        problems.pardon(holder: selector)
        let answer = members.take("answer")?.node
        let code = members.text("fails")
        members.exclusive(["expect", "answer", "fails"])
        if let code { return .failure(code) }
        if let answer { return .answer(answer.json) }
        guard let selector else { return .success }
        guard selector.json.objectValue != nil else {
            members.reportType(of: "expect", expected: "a mapping", found: selector)
            return .success
        }
        do throws(CouchError) {
            return .match(try Selector(parsing: selector.json), selector.json)
        } catch {
            problems.report("'expect' is no selector: \(error.reason)", at: selector.position)
            return .success
        }
    }
}
