/// A regular expression as steps that are followed all at once.
struct PatternProgram: Sendable {
    enum Step: Sendable {
        /// Goes on behind a byte of the set.
        case bytes(ByteSet)
        /// Goes on in both places.
        case fork(Int, Int)
        case go(Int)
        case assert(PatternAssertion)
        case found
    }

    private(set) var steps: [Step] = []
    private let limit: Int

    /// The steps of an expression, no more than that many.
    init(_ node: PatternNode, limit: Int) throws(TextPattern.Invalid) {
        self.limit = limit
        try append(node)
        try append(.found)
    }

    private mutating func append(_ step: Step) throws(TextPattern.Invalid) {
        guard steps.count < limit else { throw TextPattern.Invalid(reason: "more than \(limit) steps") }
        steps.append(step)
    }

    private mutating func append(_ node: PatternNode) throws(TextPattern.Invalid) {
        switch node {
        case .bytes(let set): try append(Step.bytes(set))
        case .assertion(let assertion): try append(Step.assert(assertion))
        case .sequence(let nodes): for node in nodes { try append(node) }
        case .alternatives(let nodes): try append(alternatives: nodes[...])
        case .repeated(let node, let least, let most):
            for _ in 0..<least { try append(node) }
            if let most {
                try append(optional: node, times: most - least)
            } else {
                try append(anyNumberOf: node)
            }
        }
    }

    private mutating func append(alternatives nodes: ArraySlice<PatternNode>) throws(TextPattern.Invalid) {
        var exits: [Int] = []
        for (index, node) in nodes.enumerated() {
            guard index < nodes.count - 1 else {
                try append(node)
                break
            }
            let fork = steps.count
            try append(Step.fork(fork + 1, 0))
            try append(node)
            exits.append(steps.count)
            try append(Step.go(0))
            steps[fork] = .fork(fork + 1, steps.count)
        }
        for exit in exits { steps[exit] = .go(steps.count) }
    }

    private mutating func append(optional node: PatternNode, times: Int) throws(TextPattern.Invalid) {
        var forks: [Int] = []
        for _ in 0..<max(0, times) {
            forks.append(steps.count)
            try append(Step.fork(0, 0))
            try append(node)
        }
        for fork in forks { steps[fork] = .fork(fork + 1, steps.count) }
    }

    private mutating func append(anyNumberOf node: PatternNode) throws(TextPattern.Invalid) {
        let fork = steps.count
        try append(Step.fork(0, 0))
        try append(node)
        try append(Step.go(fork))
        steps[fork] = .fork(fork + 1, steps.count)
    }
}
