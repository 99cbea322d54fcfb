import ScriptHosting
import TestScripts
import Testing

@Suite(.serialized) struct ReduceTests {
    private static let count = ScriptFunctions(
        """
        function (keys, values, rereduce) {
          if (rereduce) return sum(values);
          return keys.length === values.length ? values.length : null;
        }
        """
    )

    @Test func `rows and reductions are reduced, each group by itself`() async throws {
        try await withPool { pool async throws in
            let rows = ReduceInput.rows(#"[["k","a"],["k","b"],[null,"c"]]"#, "[1,2,3]")
            for _ in 0..<2 {
                let reductions = try await pool.reduced(Self.count, [rows, .reductions("[3,4]"), .rows("[]", "[]")])
                #expect(reductions == ["3", "7", "0"])
            }
            #expect(try await pool.reduced(Self.count, []) == [])
        }
    }

    @Test func `a reduce sees keys, identifiers and values, and null for the keys of reductions`() async throws {
        try await withPool { pool async throws in
            let echo = ScriptFunctions("function (keys, values, rereduce) { return [keys, values, rereduce] }")
            let reductions = try await pool.reduced(
                echo,
                [.rows(#"[[["x",{"y":1}],"é"]]"#, #"[{"v":"\\u0000"}]"#), .reductions("[[1],null]")]
            )
            #expect(
                reductions == [
                    #"[[[["x",{"y":1}],"é"]],[{"v":"\\u0000"}],false]"#, "[null,[[1],null],true]",
                ]
            )
        }
    }

    @Test func `a reduction that is no JSON is null, and so is one that throws`() async throws {
        try await withPool { pool async throws in
            let functions = ScriptFunctions(
                "function (keys, values) { if (values[0]) throw new Error('no'); return undefined }"
            )
            #expect(try await pool.reduced(functions, [.reductions("[0]"), .reductions("[1]")]) == ["null", "null"])
        }
    }

    @Test func `a reduce that does not shrink is refused with its name`() async throws {
        try await withPool { pool async throws in
            let echo = ScriptFunctions("function (keys, values) { return values }")
            let large = "[\"\(String(repeating: "x", count: 6_000))\"]"
            let error = await scriptError { try await pool.reduced(echo, [.reductions(large)]) }
            #expect(error?.kind == .reduceOverflow)
            #expect(error?.function == "f0")
            #expect(error?.message.contains("must shrink more rapidly") == true)
            // Small results need not shrink, and large ones may grow out of still larger input.
            #expect(try await pool.reduced(echo, [.reductions("[1,2,3]")]) == ["[1,2,3]"])
            let half = ScriptFunctions("function (keys, values) { return values[0].slice(0, 6000) }")
            let larger = "[\"\(String(repeating: "x", count: 13_000))\"]"
            #expect(try await pool.reduced(half, [.reductions(larger)])[0].utf8.count == 6_002)
        }
    }

    @Test func `a reduce without end fails the batch with its name`() async throws {
        try await withPool(.impatient) { pool async throws in
            let functions = ScriptFunctions("function (keys, values) { while (values[0]) {} return 1 }")
            let error = await scriptError {
                try await pool.reduced(functions, [.reductions("[0]"), .reductions("[1]")])
            }
            #expect(error?.kind == .timeLimit)
            #expect(error?.function == "f0")
            #expect(try await pool.reduced(functions, [.reductions("[0]")]) == ["1"])
        }
    }
}

extension ReduceInput {
    fileprivate static func rows(_ keys: String, _ values: String) -> ReduceInput {
        .rows(keys: Array(keys.utf8)[...], values: Array(values.utf8)[...])
    }

    fileprivate static func reductions(_ values: String) -> ReduceInput {
        .reductions(Array(values.utf8)[...])
    }
}

extension ScriptHostPool {
    fileprivate func reduced(_ functions: ScriptFunctions, _ groups: [ReduceInput]) async throws -> [String] {
        try await reduce(functions, groups).map { String(decoding: $0, as: UTF8.self) }
    }
}
