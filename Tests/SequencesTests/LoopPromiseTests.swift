import JSON
import Synchronization
import TestSupport
import Testing

@testable import Sequences

/// What is promised of loops in runs that are repeated: each thing is dealt with once, whatever its list is by then.
@Suite struct LoopPromiseTests {
    /// Attempts at a run over a list of orders with lines, which has changed each time and is broken off somewhere.
    ///
    /// Which thing a turn is for the model knows by the place in the list that it made, and by nothing that stands in
    /// the list.
    @Test func `whatever becomes of the lists between the attempts, each thing is dealt with once`() async throws {
        var generator = SeededGenerator.announced()
        for _ in 0..<150 {
            var world = OrderWorld()
            let ledger = Ledger()
            var reached: Set<Thing> = []
            for _ in 0..<4 {
                world.change(using: &generator)
                let end = Int.random(in: 0...world.things.count, using: &generator)
                let time = Int.random(in: 0..<1_000_000, using: &generator)
                await ledger.attempt(OrderWorld.steps, over: world.list, for: world.things, until: end, at: time)
                reached.formUnion(world.things.prefix(end))
                world.begin(world.things.prefix(end + 1))
            }
            ledger.expectOnce(reached)
        }
    }

    private static let booking: JSONValue = [["forEach": "orders", "do": [["callTransaction": "erp.book"]]]]

    @Test func `lines that share the id of their order are told apart, also when one of them is left`() async throws {
        let ledger = Ledger()
        for (lines, end) in [([1, 2, 3], 1), ([2, 3, 4], 2), ([4, 5], 1), ([5], 1)] {
            let rows = lines.map { line -> JSONValue in ["id": 7, "article": .number(JSONNumber(line))] }
            let things = lines.map { Thing(order: 7, line: $0) }
            await ledger.attempt(Self.booking, over: .array(rows), for: things, until: end, at: 0)
        }
        ledger.expectOnce(Set((1...5).map { Thing(order: 7, line: $0) }))
    }

    @Test func `rows without an id that their turns change are dealt with once, in a list that stays`() async throws {
        let ledger = Ledger()
        for end in 1...3 {
            let rows = (1...3).map { line -> JSONValue in
                ["name": "n", "state": line < end ? "done" : "open", "at": .number(JSONNumber(end))]
            }
            let things = (1...3).map { Thing(order: 0, line: $0) }
            await ledger.attempt(Self.booking, over: .array(rows), for: things, until: end, at: end)
        }
        ledger.expectOnce(Set((1...3).map { Thing(order: 0, line: $0) }))
    }
}

/// A line of an order, or whatever else is to be dealt with once.
private struct Thing: Hashable {
    let order: Int
    let line: Int
}

/// What one run has done, and what its attempts tell each other.
private final class Ledger: Sendable {
    private struct State {
        var done: [String: Thing] = [:]
        var loopsWithSharedIDs: Set<String> = []
    }

    private let state = Mutex(State())

    /// An attempt at the run, which ends before it has dealt with more things than that.
    func attempt(_ steps: JSONValue, over orders: JSONValue, for things: [Thing], until end: Int, at time: Int) async {
        let place = Atomic<Int>(0)
        let effects = RecordingEffects { _, _, site in
            let number = place.add(1, ordering: .relaxed).oldValue
            guard number < end else { throw SequenceFailure(code: "broken", message: "off") }
            let thing = self.state.withLock { state in
                let known = state.done[site.path.key] ?? things[number]
                state.done[site.path.key] = known
                return known
            }
            // Else it would be left out, and have the answer of another one.
            #expect(thing == things[number])
            return .null
        }
        effects.loopsWithSharedIDs = state.withLock(\.loopsWithSharedIDs)
        _ = try? await run(
            steps,
            variables: ["orders": orders, "at": .number(JSONNumber(time))],
            declared: [VariableDefinition(name: "orders"), VariableDefinition(name: "at")],
            effects: effects,
            turnNaming: .bySubject(runKey: "run")
        )
        let shared = effects.loopsWithSharedIDs
        state.withLock { $0.loopsWithSharedIDs = shared }
        let asked = place.load(ordering: .relaxed)
        #expect(asked == min(end + 1, things.count))
    }

    /// These were dealt with, and each of them once.
    func expectOnce(_ things: Set<Thing>) {
        let done = state.withLock(\.done)
        #expect(Set(done.values) == things)
        #expect(done.count == things.count)
    }
}

/// Orders, which have ids of their own and change, and lines of several kinds.
private struct OrderWorld {
    /// What the lines of an order are, by its number.
    private enum Kind: Int, CaseIterable {
        /// They have ids and change; they come and go.
        case identified
        /// They all have one id, and do not change; they come and go.
        case sharing
        /// They have no ids and change, and their list has always the same.
        case anonymous
        /// Texts, which come and go.
        case texts

        init(of order: Int) {
            self = Self.allCases[order % Self.allCases.count]
        }
    }

    static let steps: JSONValue = [
        [
            "forEach": "orders", "item": "order",
            "do": [
                [
                    "forEach": "order.lines",
                    "do": [["callTransaction": "erp.book", "with": ["at": "=at", "line": "=item"]]],
                ]
            ],
        ]
    ]

    /// What a run over all of them deals with, in order.
    private(set) var things: [Thing] = []
    /// What the run sees of them.
    private(set) var list: JSONValue = []
    private var orders: [Int] = []
    /// The orders whose lines a run has gone through, or begun to.
    private var begun: Set<Int> = []

    mutating func begin(_ things: some Sequence<Thing>) {
        begun.formUnion(things.map(\.order))
    }

    /// Some orders go, some come, all have other lines and are others than before, and may stand in another order.
    mutating func change(using generator: inout SeededGenerator) {
        orders.removeAll { _ in Int.random(in: 0..<4, using: &generator) == 0 }
        for _ in 0..<Int.random(in: 1...3, using: &generator) {
            let order = Int.random(in: 0..<8, using: &generator)
            if !orders.contains(order) {
                orders.insert(order, at: Int.random(in: 0...orders.count, using: &generator))
            }
        }
        if Bool.random(using: &generator) { orders.shuffle(using: &generator) }
        things = []
        var elements: [JSONValue] = []
        for order in orders {
            let lines = lines(of: order, using: &generator)
            things += lines.map { Thing(order: order, line: $0) }
            var shown: [JSONValue] = []
            for line in lines { shown.append(element(line, of: order, using: &generator)) }
            elements.append(["_id": Self.number(order), "lines": .array(shown), "seen": random(&generator)])
        }
        list = .array(elements)
    }

    private func lines(of order: Int, using generator: inout SeededGenerator) -> [Int] {
        switch Kind(of: order) {
        case .anonymous: return Array(0..<3)
        case .sharing where !begun.contains(order):
            // An id that is a line's own at first is not promised to be told from that of lines that come later.
            return Array((0..<5).shuffled(using: &generator).prefix(Int.random(in: 2...5, using: &generator)))
        case .identified, .sharing, .texts:
            return Array((0..<5).shuffled(using: &generator).prefix(Int.random(in: 0...5, using: &generator)))
        }
    }

    private func element(_ line: Int, of order: Int, using generator: inout SeededGenerator) -> JSONValue {
        switch Kind(of: order) {
        case .identified: ["ID": Self.number(line), "state": random(&generator)]
        case .sharing: ["id": Self.number(order), "line": Self.number(line)]
        case .anonymous: ["state": random(&generator), "at": random(&generator)]
        case .texts: .string("line \(line)")
        }
    }

    private func random(_ generator: inout SeededGenerator) -> JSONValue {
        Self.number(Int.random(in: 0..<9, using: &generator))
    }

    private static func number(_ number: Int) -> JSONValue { .number(JSONNumber(number)) }
}
