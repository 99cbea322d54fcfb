import JSON
import Logging
import ScriptHosting
import Sequences
import TestSupport
import Testing

@testable import SequenceWorker

/// The sessions in which a run's expressions are evaluated.
@Suite struct RunScriptsTests {
    @Test func `what a project's scripts leave behind in a run is not seen by those of another`() async throws {
        let pool = TestRun.scripts(Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        let hosts = Task { await pool.run() }
        try await attempt {
            let scripts = RunScripts(pool)
            let place = SourcePosition(file: "sequences/a.yaml", line: 1, column: 1)
            func value(_ text: String, of project: String) async throws -> JSONValue {
                let values = try await scripts.evaluate(
                    [Script(.expression, text, at: place)],
                    of: project,
                    scope: [:],
                    modules: ["m": .string("exports.name = '\(project)'; exports.left = typeof Math.left;")]
                )
                return try #require(values.first)
            }
            let values = [
                try await value("Math.left = 'a'", of: "a"),
                try await value("require('m').left", of: "b"),
                try await value("[require('m').name, typeof Math.left]", of: "b"),
                // One's own session is the same one as before.
                try await value("[require('m').name, Math.left]", of: "a"),
            ]
            #expect(values == ["a", "undefined", ["b", "undefined"], ["a", "a"]])
            await scripts.end()
        } finally: {
            hosts.cancel()
            await hosts.value
        }
    }
}
