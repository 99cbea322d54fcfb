import JSON
import TestScripts
import Testing

@testable import ScriptHosting

/// Several who call for the same hosts.
@Suite(.serialized) struct SharingTests {
    @Test func `scripts without end of one owner, however many, do not keep another one's waiting`() async throws {
        var limits = ScriptLimits.patient
        (limits.callTime, limits.batchTime) = (.seconds(3_600), .seconds(3_600))
        try await withPool(hosts: 2, limits) { pool async throws in
            let slow = ScriptFunctions(
                "function (doc) { var end = Date.now() + doc.time; while (Date.now() < end); emit(1, 1) }"
            )
            let endless = try await ScriptOwner.$current.withValue("one") {
                // From then on it is known for what it is.
                _ = try await pool.rows(slow, [#"{"time":1500}"#])
                return (0..<20).map { _ in Task { try await pool.rows(slow, [#"{"time":3600000}"#]) } }
            }
            while pool.waiting < 19 { await Task.yield() }
            try await ScriptOwner.$current.withValue("another") {
                try await pool.withSession { session in
                    session.bind("n", 1)
                    for round in 0..<50 {
                        let location = ScriptLocation("step", line: 1)
                        let value = try await session.evaluate("n + \(round)", at: location)
                        #expect(value == .number(JSONNumber(round + 1)))
                        #expect(try await pool.rows(slow, [#"{"time":0}"#]) == [[["1=1"]]])
                    }
                }
            }
            // One of them has been under way all the time, and none of the others has begun.
            #expect(pool.waiting == 19)
            for call in endless { call.cancel() }
        }
    }
}
