/// A regular expression as steps that are followed all at once.
struct PatternProgram: Sendable {
    enum Step: Sendable {
        /// Goes on behind a byte of the set at that place of ``PatternProgram/sets``.
        case bytes(Int32)
        /// Goes on in both places.
        case fork(Int32, Int32)
        case go(Int32)
        case assert(PatternAssertion)
        case found
    }

    private(set) var steps: [Step] = []
    /// The sets that steps go by, each once: most steps of a large expression are repetitions.
    private(set) var sets: [ByteSet] = []
    private var places: [ByteSet: Int32] = [:]
    private let limit: Int
    /// How many parts may still be looked at.
    ///
    /// Parts that can match nothing but the empty text have no steps, and repetitions of them must be bounded, too.
    private var partsLeft: Int

    /// How many parts are looked at for each step that there may be.
    private static let partsPerStep = 20

    /// The steps of an expression, no more than that many.
    init(_ node: PatternNode, limit: Int) throws(TextPattern.Invalid) {
        self.limit = min(limit, Int(Int32.max) - 1)
        partsLeft = self.limit.multipliedReportingOverflow(by: Self.partsPerStep).partialValue
        try append(node)
        try append(.found)
        places = [:]
    }

    /// Where the next step comes.
    private var next: Int32 { Int32(steps.count) }

    private mutating func append(_ step: Step) throws(TextPattern.Invalid) {
        guard steps.count < limit else { throw TextPattern.Invalid(reason: "more than \(limit) steps") }
        steps.append(step)
    }

    private mutating func append(_ node: PatternNode) throws(TextPattern.Invalid) {
        partsLeft -= 1
        guard partsLeft > 0 else { throw TextPattern.Invalid(reason: "too many parts in its repetitions") }
        switch node {
        case .bytes(let set): try append(Step.bytes(place(of: set)))
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

    private mutating func place(of set: ByteSet) -> Int32 {
        if let place = places[set] { return place }
        let place = Int32(sets.count)
        sets.append(set)
        places[set] = place
        return place
    }

    private mutating func append(alternatives nodes: ArraySlice<PatternNode>) throws(TextPattern.Invalid) {
        var exits: [Int] = []
        for (index, node) in nodes.enumerated() {
            guard index < nodes.count - 1 else {
                try append(node)
                break
            }
            let fork = steps.count
            try append(Step.fork(next + 1, 0))
            try append(node)
            exits.append(steps.count)
            try append(Step.go(0))
            steps[fork] = .fork(Int32(fork) + 1, next)
        }
        for exit in exits { steps[exit] = .go(next) }
    }

    private mutating func append(optional node: PatternNode, times: Int) throws(TextPattern.Invalid) {
        var forks: [Int] = []
        for _ in 0..<max(0, times) {
            forks.append(steps.count)
            try append(Step.fork(0, 0))
            try append(node)
        }
        for fork in forks { steps[fork] = .fork(Int32(fork) + 1, next) }
    }

    private mutating func append(anyNumberOf node: PatternNode) throws(TextPattern.Invalid) {
        let fork = next
        try append(Step.fork(0, 0))
        try append(node)
        try append(Step.go(fork))
        steps[Int(fork)] = .fork(fork + 1, next)
    }
}
