import Glibc
import JSON
import ScriptHosting
import TestScripts
import Testing

@Suite(.serialized) struct SessionTests {
    private let place = ScriptLocation("orders.yaml", line: 7)

    @Test func `expressions see what is bound, and no more`() async throws {
        try await withPool { pool async throws in
            try await pool.withSession { session async throws in
                session.bind("order", ["lines": [1, 2], "total": 12.5])
                session.bind("factor", 2)
                #expect(try await session.evaluate("order.total * factor", at: place) == 25)
                session.bind("factor", 3)
                #expect(try await session.evaluate("order.total * factor", at: place) == 37.5)
                #expect(
                    try await session.execute("const a = order.lines.map(x => x * factor); return a", at: place) == [
                        3, 6,
                    ]
                )
                session.unbind("factor")
                let error = await scriptError { try await session.evaluate("1 +\n factor", at: place) }
                #expect(error?.kind == .exception)
                #expect(error?.function == "orders.yaml")
                #expect(error?.line == 8)
                #expect(error?.message.contains("factor") == true)
                #expect(try await session.evaluate("undefined", at: place) == .null)
                #expect(try await session.evaluate("'factor' in {}", at: place) == false)
            }
        }
    }

    @Test func `an expression cannot change what is bound`() async throws {
        try await withPool { pool async throws in
            try await pool.withSession { session async throws in
                session.bind("order", ["lines": [3, 1, 2]])
                for text in [
                    "order.lines.sort()", "order.x = 1", "order = 1", "delete order.lines", "order.lines.push(1)",
                ] {
                    #expect(
                        await scriptError { try await session.evaluate(text, at: place) }?.kind == .exception,
                        "\(text)"
                    )
                }
                #expect(try await session.evaluate("order.lines.slice().sort()", at: place) == [1, 2, 3])
                #expect(try await session.evaluate("order.lines.concat()", at: place) == [3, 1, 2])
            }
        }
    }

    @Test func `a plain name or path is answered faithfully`() async throws {
        try await withPool { pool async throws in
            try await pool.withSession { session async throws in
                let number = try JSONValue(parsing: "9007199254740993")
                session.bind("order", ["id": number, "customer": ["né": "é"], "name": "x"])
                #expect(try await session.evaluate(" order.id\n", at: place) == number)
                #expect(try await session.evaluate("order.customer.né", at: place) == "é")
                #expect(try await session.evaluate("order", at: place)["id"] == number)
                // Through JavaScript it is a double.
                #expect(try await session.evaluate("order.id + 0", at: place) == 9_007_199_254_740_992)
                #expect(try await session.evaluate("order.name.length", at: place) == 1)
                #expect(try await session.evaluate("order.none", at: place) == .null)
                #expect(
                    await scriptError { try await session.evaluate("order.none.more", at: place) }?.kind == .exception
                )
                #expect(await scriptError { try await session.evaluate("none", at: place) }?.kind == .exception)
                #expect(await scriptError { try await session.evaluate("order.", at: place) }?.kind == .compilation)
                #expect(await scriptError { try await session.evaluate(" ", at: place) }?.kind == .compilation)
            }
        }
    }

    @Test func `names that cannot be written are out of sight and harm nothing`() async throws {
        try await withPool { pool async throws in
            try await pool.withSession { session async throws in
                for name in ["a-b", "this", "class", "", "1a", "eval", "a b", "let", "x;y"] { session.bind(name, 1) }
                session.bind("$", 1)
                session.bind("größe", 2)
                session.bind("Date", 3)
                #expect(try await session.evaluate("$ + größe + Date", at: place) == 6)
                #expect(
                    try await session.evaluate("typeof this + ' class eval let'", at: place)
                        == "undefined class eval let"
                )
            }
        }
    }

    @Test(arguments: ["Date", "() => 1", "Symbol('x')", "10n", "(() => { const o = {}; o.o = o; return o })()"])
    func `a result that JSON cannot say is an error`(_ text: String) async throws {
        try await withPool { pool async throws in
            try await pool.withSession { session async throws in
                #expect(await scriptError { try await session.evaluate("(\(text))", at: place) }?.kind == .exception)
            }
        }
    }

    @Test func `expressions get modules, which see nothing of the run and cannot be changed`() async throws {
        let texts: JSONObject = [
            "money": """
            const { half } = require('./numbers');
            exports.round = x => Math.round(x * 100) / 100;
            exports.half = half;
            exports.sees = typeof order;
            exports.rates = { de: [0.19, 0.07] };
            """, "numbers": "exports.half = x => x / 2;\nexports.money = require('money');",
            "broken": "exports.a = 1;\nthrow new Error('no');",
        ]
        try await withPool { pool async throws in
            try await pool.withSession { session async throws in
                session.bind("order", ["total": 10])
                session.bindModules("require", texts)
                let place = ScriptLocation("sequences/a.yaml", line: 7)
                func value(_ text: String) async throws -> JSONValue { try await session.evaluate(text, at: place) }
                #expect(try await value("require('money').round(order.total / 3)") == 3.33)
                #expect(try await value("require('./money').half(order.total)") == 5)
                #expect(try await value("require('money').sees") == "undefined")
                #expect(try await value("require('numbers').money === require('money')") == true)
                for change in ["rates.de.push(1)", "round = null", "rates.de[0] = 1", "half.x = 1"] {
                    let error = await scriptError { try await value("require('money').\(change)") }
                    #expect(error?.message.hasPrefix("TypeError") == true, "\(change): \(String(describing: error))")
                }
                let broken = await scriptError { try await value("require('broken').a") }
                #expect(broken?.message == "Error: no (scripts/broken.js:2)")
                let none = await scriptError { try await value("require('toString')") }
                #expect(none?.message.hasPrefix("Error: there is no script 'toString'") == true)
                #expect(await scriptError { try await value("require") } != nil)
                // New ones take the place of the old ones.
                session.bindModules("require", ["money": "exports.round = () => 'new'"])
                #expect(try await value("require('money').round(1)") == "new")
                session.bindModules("require", ["wrong": "exports.a = 1;\nexports.b = {;"])
                let wrong = await scriptError { try await value("require('wrong')") }
                #expect(wrong?.message.hasSuffix("(scripts/wrong.js:2)") == true, "\(String(describing: wrong))")
                session.bind("require", 7)
                #expect(try await value("require + 1") == 8)
            }
        }
    }

    @Test func `text goes through as it is`() async throws {
        try await withPool { pool async throws in
            try await pool.withSession { session async throws in
                let text: JSONValue = "\u{0}\u{1}é😀\u{2028}\"\\/"
                session.bind("text", text)
                #expect(try await session.evaluate("[text][0]", at: place) == text)
                #expect(try await session.evaluate("text.length", at: place) == 9)
                #expect(try await session.evaluate("'\\ud800'", at: place) == "\u{FFFD}")
            }
        }
    }

    @Test func `thousands of sessions share few hosts and do not meet`() async throws {
        var limits = ScriptLimits.patient
        limits.warmSessions = 20
        try await withPool(hosts: 2, limits) { pool async throws in
            try await withThrowingTaskGroup { group in
                for caller in 0..<16 {
                    group.addTask { try await self.sessions(of: caller, in: pool) }
                }
                try await group.waitForAll()
            }
        }
    }

    /// 16 callers make 2,048 sessions, four at a time each, so that hosts forget sessions that go on.
    private func sessions(of caller: Int, in pool: ScriptHostPool) async throws {
        for round in 0..<32 {
            let number = caller * 1_000 + round
            try await pool.withSession { first async throws in
                try await pool.withSession { second async throws in
                    try await pool.withSession { third async throws in
                        try await pool.withSession { fourth async throws in
                            let sessions = [first, second, third, fourth]
                            for (index, session) in sessions.enumerated() {
                                session.bind("n", .number(JSONNumber(number * 10 + index)))
                            }
                            for turn in 0..<2 {
                                for (index, session) in sessions.enumerated() {
                                    let value = try await session.evaluate("n + \(turn)", at: place)
                                    #expect(value.intValue == number * 10 + index + turn)
                                }
                            }
                        }
                    }
                }
            }
        }
    }

    @Test func `one session's scripts cannot harm another's`() async throws {
        try await withPool { pool async throws in
            try await pool.withSession { bad async throws in
                let code =
                    "Array.prototype.map = 1; Object.prototype.evil = 2; globalThis.leak = 3; /secret/.test('secret'); return 1"
                _ = try await bad.execute(code, at: place)
                try await pool.withSession { good async throws in
                    let text = "[1].map(x => typeof ({}).evil + typeof leak + RegExp.lastMatch)"
                    #expect(try await good.evaluate(text, at: place) == ["undefinedundefined"])
                }
            }
        }
    }

    @Test func `a session goes on after its host was killed`() async throws {
        try await withPool(hosts: 2) { pool async throws in
            try await pool.withSession { session async throws in
                session.bind("list", [1, 2, 3])
                for number in 0..<10 {
                    session.bind("n", .number(JSONNumber(number)))
                    #expect(try await session.evaluate("list.length + n", at: place).intValue == 3 + number)
                    // One of the two, so that there is another for the second try.
                    if number % 3 == 0, let identifier = pool.hostIdentifiers.first { kill(identifier, SIGKILL) }
                }
            }
        }
    }

    @Test func `an expression that ends its host is told so, and the session goes on`() async throws {
        var limits = ScriptLimits.impatient
        limits.memory = 200 << 20
        try await withPool(limits) { pool async throws in
            try await pool.withSession { session async throws in
                session.bind("n", 1)
                for (text, kind) in [
                    ("(() => { for (;;); })()", ScriptError.Kind.timeLimit),
                    ("/.*.*.*.*.*b/.test('a'.repeat(9999)) + n", .timeLimit),
                    ("(() => { const f = () => Promise.resolve().then(f); f() })()", .timeLimit),
                ] {
                    let error = await scriptError { try await session.evaluate(text, at: place) }
                    #expect(error?.kind == kind)
                    #expect(error?.function == "orders.yaml")
                    #expect(try await session.evaluate("n + 1", at: place) == 2)
                }
            }
        }
    }

    @Test func `megabytes that are bound once are sent once`() async throws {
        try await withPool(hosts: 2) { pool async throws in
            try await pool.withSession { session async throws in
                let document: JSONValue = ["text": .string(String(repeating: "x", count: 3_000)), "n": [1, 2, 3]]
                session.bind("page", .array(Array(repeating: document, count: 1_000)))
                var sum = 0
                for index in 0..<1_000 {
                    session.bind("index", .number(JSONNumber(index)))
                    sum += try await session.evaluate("page[index].n[index % 3]", at: place).intValue ?? 0
                }
                #expect(sum == 1_999)
            }
        }
    }
}
