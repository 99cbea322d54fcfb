import JSON
import Synchronization
import TestSupport
import Testing

@testable import Sequences

/// By what the turns of loops are known again when a run is repeated.
@Suite struct TurnNamesTests {
    private func names(_ elements: [JSONValue], _ naming: TurnNaming = .bySubject(runKey: "run")) -> [String] {
        var names = TurnNames(naming)
        return elements.map { names.next(for: TurnNames.subject(of: $0)) }
    }

    @Test(
        arguments: [
            (["_id": "a", "n": 1], ["n": 2, "_id": "a"]),
            (["ID": 7, "sent": false], ["ID": 7, "sent": true]),
            (["_id": "a", "id": "b"], ["_id": "a", "id": "c"]),
            (["name": "a", "n": 1], ["n": 1, "name": "a"]),
            (["id": "d", "key": [1], "value": 1], ["id": "d", "key": [1], "value": 2]),
            (["id": .null, "n": 1], ["id": .null, "n": 1]),
            ("a", "a"),
        ] as [(JSONValue, JSONValue)]
    )
    func `an element is the same by its id, or else by all of it`(one: JSONValue, other: JSONValue) {
        #expect(names([one]) == names([other]))
    }

    @Test(
        arguments: [
            (["_id": "a"], ["_id": "b"]),
            (["id": 7], ["id": "7"]),
            (["name": "a", "n": 1], ["name": "a", "n": 2]),
            (["id": "d", "key": [1]], ["id": "d", "key": [2]]),
            (["id": .null, "n": 1], ["id": .null, "n": 2]),
            (["id": "", "n": 1], ["id": "", "n": 2]),
            ("a", ["a"]), (1, "1"), (.null, false),
        ] as [(JSONValue, JSONValue)]
    )
    func `what differs in that is another element`(one: JSONValue, other: JSONValue) {
        #expect(names([one]) != names([other]))
    }

    @Test func `of elements that are the same it counts which of them it is, and not where they stand`() {
        let list: [JSONValue] = ["a", "b", "a", "a"]
        let all = names(list)
        #expect(Set(all).count == 4)
        #expect(names(["c", "a", "a", "b"]).dropFirst() == [all[0], all[2], all[1]])
    }

    @Test func `a run that began before goes by numbers, and another run's digests are others`() {
        #expect(names(["a", "a", "b"], .byNumber) == ["#1", "#2", "#3"])
        #expect(names(["a"]) != names(["a"], .bySubject(runKey: "other")))
        var loop = TurnNames(.bySubject(runKey: "run"))
        #expect([loop.next(for: nil), loop.next(for: nil)] == ["#1", "#2"])
    }

    @Test func `a loop's key says what makes its turns the same`() async throws {
        let steps: (String) -> JSONValue = { list in
            [
                ["forEach": .string(list), "key": "item.no", "do": [["callTransaction": "erp.book"]]],
                ["set": ["n": 0]],
                [
                    "while": "n < 2", "key": "n + 10",
                    "do": [["set": ["n": "=n + 1"]], ["callTransaction": "erp.book"]],
                ],
            ]
        }
        let first = try await keys(of: steps(#"[{"no":1,"x":1},{"no":2}]"#))
        let second = try await keys(of: steps(#"[{"no":2,"x":5},{"no":3},{"no":1}]"#))
        #expect(first.prefix(2).reversed() == [second[0], second[2]])
        #expect(first.suffix(2) == second.suffix(2) && Set(first + second).count == 5)
    }

    private func keys(of steps: JSONValue) async throws -> [String] {
        let keys = Mutex<[String]>([])
        let effects = RecordingEffects { _, _, site in
            keys.withLock { $0.append(site.path.key) }
            return .null
        }
        _ = try await run(steps, effects: effects, turnNaming: .bySubject(runKey: "run"))
        return keys.withLock { $0 }
    }

    /// Attempts at a run over a list of orders with lines, which has changed each time and is broken off somewhere;
    /// what each line got is compared with a model that knows things by looking at all of them.
    @Test func `whatever becomes of the lists between the attempts, each thing is dealt with once`() async throws {
        var generator = SeededGenerator.announced()
        for _ in 0..<150 {
            var world = OrderWorld()
            let ledger = Mutex<[String: Thing]>([:])
            var expected: Set<Thing> = []
            for _ in 0..<4 {
                world.change(using: &generator)
                let things = world.things
                let end = Int.random(in: 0...things.count, using: &generator)
                let place = Mutex(0)
                let effects = RecordingEffects { _, _, site in
                    let number = place.withLock { number in
                        defer { number += 1 }
                        return number
                    }
                    guard number < end else { throw SequenceFailure(code: "broken", message: "off") }
                    let known = ledger.withLock { ledger in
                        defer { ledger[site.path.key] = ledger[site.path.key] ?? things[number] }
                        return ledger[site.path.key]
                    }
                    #expect(known == nil || known == things[number])
                    return .null
                }
                _ = try? await run(
                    OrderWorld.steps,
                    variables: ["orders": .array(world.orders), "at": .number(JSONNumber(number(&generator)))],
                    declared: [VariableDefinition(name: "orders"), VariableDefinition(name: "at")],
                    effects: effects,
                    turnNaming: .bySubject(runKey: "run")
                )
                expected.formUnion(things.prefix(end))
            }
            let done = ledger.withLock { $0 }
            #expect(Set(done.values) == expected)
            #expect(done.count == expected.count)
        }
    }

    private func number(_ generator: inout SeededGenerator) -> Int { .random(in: 0..<1_000_000, using: &generator) }
}

/// A line of an order: of equal ones, which of them.
private struct Thing: Hashable {
    let order: JSONValue
    let ofOrders: Int
    let line: JSONValue
    let ofLines: Int
}

/// Orders, which have ids that need not be their own, and lines, which have none.
private struct OrderWorld {
    var orders: [JSONValue] = []

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
    var things: [Thing] {
        orders.enumerated().flatMap { number, order in
            let id = order["_id"] ?? .null
            let before = orders.prefix(number).count { $0["_id"] == id }
            let lines = order["lines"]?.arrayValue ?? []
            return lines.enumerated().map { place, line in
                Thing(order: id, ofOrders: before, line: line, ofLines: lines.prefix(place).count { $0 == line })
            }
        }
    }

    /// Some orders go, some come, some are others than before, and they may stand in another order.
    mutating func change(using generator: inout SeededGenerator) {
        orders.removeAll { _ in Int.random(in: 0..<4, using: &generator) == 0 }
        for _ in 0..<Int.random(in: 0...3, using: &generator) {
            let place = Int.random(in: 0...orders.count, using: &generator)
            orders.insert(order(id: Int.random(in: 0..<6, using: &generator), using: &generator), at: place)
        }
        orders = orders.map { old in
            guard Int.random(in: 0..<3, using: &generator) == 0 else { return old }
            return order(id: old["_id"]?.intValue ?? 0, using: &generator)
        }
        if Bool.random(using: &generator) { orders.shuffle(using: &generator) }
    }

    private func order(id: Int, using generator: inout SeededGenerator) -> JSONValue {
        let lines = (0..<Int.random(in: 0...3, using: &generator)).map { _ -> JSONValue in
            let amount = JSONValue.number(JSONNumber(Int.random(in: 1...2, using: &generator)))
            return Bool.random(using: &generator) ? amount : ["amount": amount]
        }
        return [
            "_id": .number(JSONNumber(id)), "lines": .array(lines),
            "seen": .number(JSONNumber(Int.random(in: 0..<9, using: &generator))),
        ]
    }
}
