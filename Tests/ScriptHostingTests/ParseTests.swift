import Glibc
import ScriptHosting
import TestScripts
import Testing

@Suite struct ParseTests {
    @Test(.timeLimit(.minutes(2)))
    func `a host says what is wrong with a text, runs none, and goes on`() async throws {
        try await withPool { pool in
            let host = try #require(try await ready(pool))
            #expect(try await pool.fault(in: "while (true);", as: .statements) == nil)
            #expect(try await pool.fault(in: "order.lines.map(l => l.sum)", as: .expression) == nil)
            #expect(try await pool.fault(in: "exports.a = 1;", as: .module) == nil)
            let fault = try #require(try await pool.fault(in: "function (doc) {\n  emit(doc.)\n}", as: .function))
            #expect(fault.kind == .compilation)
            #expect(fault.line == 2)
            #expect(fault.message == "Unexpected token ')'. Expected a property name after '.'.")
            let deep = try await pool.fault(in: String(repeating: "(", count: 1_000_000), as: .expression)
            #expect(deep?.message.contains("call stack") == true)
            #expect(pool.hostIdentifiers == [host])
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a right text is parsed in a new host when one stood still`() async throws {
        var limits = ScriptLimits.patient
        limits.batchTime = .seconds(5)
        try await withPool(limits) { pool in
            while await scriptError({ try await pool.fault(in: "1", as: .expression) }) != nil {}
            let host = try #require(pool.hostIdentifiers.first)
            kill(host, SIGSTOP)
            #expect(try await pool.fault(in: "a + b", as: .expression) == nil)
            #expect(pool.hostIdentifiers != [host])
        }
    }

    @Test(.timeLimit(.minutes(10)))
    func `a text with which every host breaks a limit is told as one that is at fault, and others are parsed`()
        async throws
    {
        var limits = ScriptLimits.patient
        // Of the processor; the host gives 200 milliseconds on top. The text takes a multiple of that, and more memory
        // than a host may have: which it is that a host breaks first is the machine's to say.
        limits.callTime = .milliseconds(10)
        let text = "[" + String(repeating: "a,", count: limits.inputSize / 2 - 4) + "a]"
        try await withPool(limits) { pool in
            let fault = try #require(try await pool.fault(in: text, as: .expression))
            #expect(fault.kind == .timeLimit || fault.kind == .memoryLimit)
            #expect(try await pool.fault(in: "a + b", as: .expression) == nil)
        }
    }

    /// The host, once it has answered.
    private func ready(_ pool: ScriptHostPool) async throws -> Int32? {
        _ = try await pool.fault(in: "1", as: .expression)
        return pool.hostIdentifiers.first
    }
}
