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
            (["_id": "a", "key": 1, "value": 1], ["_id": "a", "key": 2, "value": 1]),
            (["id": "d", "key": [1], "value": 1], ["id": "d", "key": [1], "value": 2]),
            // No row of a view.
            (["id": "d", "key": "new"], ["id": "d", "key": "done"]),
            ("a", "a"),
        ] as [(JSONValue, JSONValue)]
    )
    func `an element is the same by its id, or else by itself`(one: JSONValue, other: JSONValue) {
        #expect(names(["x", one])[1] == names([other])[0])
    }

    @Test(
        arguments: [
            (["_id": "a"], ["_id": "b"]),
            (["id": 7], ["id": "7"]),
            (["id": "d", "key": [1], "value": 0], ["id": "d", "key": [2], "value": 0]),
            ("a", "b"), (1, "1"), (.null, false),
        ] as [(JSONValue, JSONValue)]
    )
    func `what differs in that is another element`(one: JSONValue, other: JSONValue) {
        #expect(names([one]) != names([other]))
    }

    @Test(
        arguments: [
            ["name": "a", "n": 1], ["id": .null, "n": 1], ["id": "", "n": 1], ["key": "a", "value": 1], [1, 2], [],
        ] as [JSONValue]
    )
    func `an object or a list that has no id goes by its number`(element: JSONValue) {
        #expect(names(["a", element, element]).dropFirst() == ["#2", "#3"])
        #expect(TurnNames.identities(of: [element, ["name": "b"]]) == .missing)
    }

    @Test func `of elements that are the same it counts which of them it is, and not where they stand`() {
        let list: [JSONValue] = ["a", "b", "a", "a"]
        let all = names(list)
        #expect(Set(all).count == 4)
        #expect(names(["c", "a", "a", "b"]).dropFirst() == [all[0], all[2], all[1]])
    }

    @Test func `an id is not their own of elements that differ`() {
        let line: JSONValue = ["id": 1, "line": 1]
        let (again, other): (JSONValue, JSONValue) = (["line": 1, "id": 1], ["id": 1, "line": 2])
        #expect(TurnNames.identities(of: [line, ["id": 2, "line": 1], again]) == .own)
        #expect(TurnNames.identities(of: [line, ["id": 2, "line": 1], other]) == .shared)
        #expect(TurnNames.subject(of: line, isWhole: true) == TurnNames.subject(of: again, isWhole: true))
        #expect(TurnNames.subject(of: line, isWhole: true) != TurnNames.subject(of: other, isWhole: true))
        #expect(TurnNames.subject(of: line, isWhole: true) != TurnNames.subject(of: line))
        #expect(TurnNames.subject(of: ["n": 1], isWhole: true) == nil)
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

    @Test func `only a loop with effects asks whether ids are shared, and for none whose key says`() async throws {
        let lines = #"[{"id":1,"line":1},{"id":1,"line":2}]"#
        let cases: [(JSONValue, Bool)] = [
            (["forEach": .string(lines), "do": [["callTransaction": "erp.book"]]], true),
            (["forEach": .string(lines), "do": [["if": "true", "then": [["publish": Self.message]]]]], true),
            (["forEach": .string(lines), "do": [["set": ["n": 1]]], "collect": "=n", "as": "all"], false),
            (["forEach": .string(lines), "key": "item.line", "do": [["callTransaction": "erp.book"]]], false),
            (["forEach": #"[{"n":1},{"n":2}]"#, "do": [["callTransaction": "erp.book"]]], false),
        ]
        for (loop, asks) in cases {
            let effects = RecordingEffects()
            _ = try await run([loop], effects: effects, turnNaming: .bySubject(runKey: "run"))
            #expect(effects.loopsWithSharedIDs == (asks ? ["1"] : []), "\(loop)")
        }
        let effects = RecordingEffects()
        _ = try await run([["forEach": .string(lines), "do": [["callTransaction": "erp.book"]]]], effects: effects)
        #expect(effects.loopsWithSharedIDs.isEmpty)
    }

    private static let message: JSONValue = ["exchange": "e", "message": "m"]
}
