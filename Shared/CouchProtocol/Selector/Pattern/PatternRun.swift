/// One search for an expression in a text.
struct PatternRun {
    private let steps: [PatternProgram.Step]
    private let sets: [ByteSet]
    /// How much work may still be done.
    private(set) var work: Int
    /// Where the search stands, each place once, and which places these are: `marks[step] == mark` for one that is in.
    private var current: [Int] = []
    private var next: [Int] = []
    private var marks: [Int]
    private var mark = 0
    private var toVisit: [Int] = []

    init(_ program: PatternProgram, work: Int) {
        steps = program.steps
        sets = program.sets
        // The marks are work, too: texts may be many and short.
        self.work = work - steps.count / 16
        marks = [Int](repeating: 0, count: program.steps.count)
    }

    /// Whether the expression is found; false also when looking for it is too much work: then none is left.
    mutating func matches(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
        for place in 0...text.count {
            // What the last byte led to is in `next`; the expression may also begin anew at each place.
            mark += 1
            let arrived = next
            next.removeAll(keepingCapacity: true)
            current.removeAll(keepingCapacity: true)
            for step in arrived where enter(step, at: place, in: text) { return true }
            if enter(0, at: place, in: text) { return true }
            guard place < text.count else { return false }
            work -= current.count + 1
            guard work > 0 else { return false }
            let byte = text[place]
            for step in current {
                if case .bytes(let set) = steps[step], sets[Int(set)].contains(byte) { next.append(step + 1) }
            }
        }
        return false
    }

    /// Goes on from a step until bytes are needed.
    ///
    /// - Returns: Whether that finds the expression.
    private mutating func enter(_ step: Int, at place: Int, in text: UnsafeBufferPointer<UInt8>) -> Bool {
        toVisit.append(step)
        while let step = toVisit.popLast() {
            guard marks[step] != mark else { continue }
            marks[step] = mark
            work -= 1
            switch steps[step] {
            case .bytes: current.append(step)
            case .fork(let one, let other):
                toVisit.append(Int(other))
                toVisit.append(Int(one))
            case .go(let target): toVisit.append(Int(target))
            case .assert(let assertion): if assertion.holds(at: place, in: text) { toVisit.append(step + 1) }
            case .found: return true
            }
        }
        return false
    }
}
