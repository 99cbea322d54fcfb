import JSON

/// `forEach: expression`, `item: name`, `index: name`, `key: expression`, `do: […]`: runs the steps once for each
/// element, in order.
///
/// What a turn did is known again by its element when the run is repeated, also where the list is another one then:
/// `key` says what makes an element the same, and otherwise its id does, or itself where it is a text or a number. An
/// object without an id is known by its number (`TurnNaming`).
/// Each turn begins with the names around the loop; what it sets is gone when it ends. `collect: value` computes a
/// value at the end of each turn, and `as` names the list of them. Null counts as an empty list.
struct ForEachStep: StepAction {
    static let keyword = "forEach"

    let list: Script
    let item: String
    let index: String?
    /// What makes a turn the same at another attempt.
    let key: Script?
    let body: StepBlock
    /// Whether its turns may have effects that are done once.
    private let hasEffects: Bool
    let collected: Template?
    let resultName: String?

    init?(reading members: inout StepMembers) {
        let list = members.expression(Self.keyword, required: true)
        item = members.variable("item", default: "item") ?? "item"
        index = members.variable("index")
        key = members.expression("key")
        let body = members.block("do") { $0.isInLoop = true }
        collected = members.template("collect")
        resultName = members.variable("as")
        if body == nil { members.reportMissing("do", expected: "a list of steps") }
        if resultName != nil, collected == nil {
            members.reportMissing("collect", expected: "what each turn adds to the list that 'as' names")
        }
        guard let list else { return nil }
        self.list = list
        self.body = body ?? StepBlock(label: "do", steps: [])
        hasEffects = self.body.allSteps.contains { $0.action.hasEffect }
    }

    var blocks: [StepBlock] { [body] }
    var scripts: [Script] { [list] + [key].compactMap { $0 } + (collected?.scripts ?? []) }
    var bindings: [String] { [item, index, resultName].compactMap { $0 } }

    func run(at site: StepSite, in frame: inout Frame, of execution: Execution) async throws -> Flow {
        let value = try await execution.evaluate(list, at: site, in: frame)
        guard let elements = value.isNull ? [] : value.arrayValue else {
            throw SequenceFailure(code: .invalidValue, message: "'forEach' needs a list, found \(value.typeName)")
        }
        let outer = frame.names
        var results: [JSONValue] = []
        let flow: Flow
        do {
            flow = try await turns(over: elements, at: site, in: &frame, of: execution, results: &results)
        } catch {
            frame.names = outer
            throw error
        }
        frame.names = outer
        if flow == .leaveSequence { return flow }
        if let resultName {
            let list = JSONValue.array(results)
            try execution.check(list)
            frame.names[resultName] = list
        }
        return .next
    }

    private func turns(
        over elements: [JSONValue],
        at site: StepSite,
        in frame: inout Frame,
        of execution: Execution,
        results: inout [JSONValue]
    ) async throws -> Flow {
        let outer = frame.names
        var names = TurnNames(execution.turnNaming)
        let isWhole = try await areKnownWhole(elements, at: site, in: frame, of: execution)
        for (number, element) in elements.enumerated() {
            try Task.checkCancellation()
            try execution.checkTurn(number + 1, limit: .max)
            frame.names = outer
            frame.names[item] = element
            if let index { frame.names[index] = .number(JSONNumber(number)) }
            let subject = try await execution.evaluate(key, at: site, in: frame)
            let name = names.next(for: subject ?? TurnNames.subject(of: element, isWhole: isWhole))
            let path = site.path.block("do", turn: number + 1, named: name)
            let flow = try await execution.run(body, at: path, in: &frame)
            if flow == .leaveSequence || flow == .leaveLoop { return flow }
            if let collected { results.append(try await execution.evaluate(collected, at: site, in: frame)) }
        }
        return .next
    }

    /// Whether the elements are known by all of them, because ids are not theirs alone.
    private func areKnownWhole(
        _ elements: [JSONValue],
        at site: StepSite,
        in frame: Frame,
        of execution: Execution
    ) async throws -> Bool {
        // Where nothing is done that is to be known again, names do not matter.
        guard key == nil, hasEffects, execution.turnNaming != .byNumber else { return false }
        switch TurnNames.identities(of: elements) {
        case .missing: return false
        case .own:
            return try await execution.effects.haveSharedIDs(false, at: execution.callSite(site, in: frame))
        case .shared:
            return try await execution.effects.haveSharedIDs(true, at: execution.callSite(site, in: frame))
        }
    }
}
