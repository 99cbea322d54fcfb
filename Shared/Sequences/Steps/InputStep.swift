/// A step of an input, and of the name that `as` gives its result, and of nothing else.
protocol InputStep: StepAction {
    init(input: Template, resultName: String)
}

extension InputStep {
    init?(reading members: inout StepMembers) {
        let input = Template(members.value())
        guard let name = members.resultName() else { return nil }
        self.init(input: input, resultName: name)
    }
}

extension StepMembers {
    /// The name that `as` gives, which must be there.
    mutating func resultName() -> String? {
        if let name = variable("as") { return name }
        if !members.has("as") { reportMissing("as", expected: "the name of the result") }
        return nil
    }
}
