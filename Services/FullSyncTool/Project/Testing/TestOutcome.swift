import Foundation
import JSON
import NIOHTTP1
import Projects
import Sequences

/// What came of a test case.
struct TestOutcome: Sendable {
    let test: TestCase
    let outcome: Result<JSONValue, TestCase.Failed>
    let run: String?
    let duration: Duration

    var isRight: Bool { test.expectation.holds(of: outcome) }

    private static let pause = Duration.milliseconds(100)

    /// Calls the case's sequence, again and again while the case has patience and the outcome is another.
    ///
    /// - Throws: When the endpoint does not answer.
    init(calling test: TestCase, of project: String, at endpoint: AdministeredEndpoint) async throws {
        let began = ContinuousClock.now
        while true {
            let (outcome, run) = try await Self.call(test, of: project, at: endpoint)
            let passed = ContinuousClock.now - began
            if test.expectation.holds(of: outcome) || passed >= test.patience {
                (self.test, self.outcome, self.run, duration) = (test, outcome, run, passed)
                return
            }
            try await Task.sleep(for: Self.pause)
        }
    }

    private static func call(
        _ test: TestCase,
        of project: String,
        at endpoint: AdministeredEndpoint
    ) async throws -> (Result<JSONValue, TestCase.Failed>, run: String?) {
        do {
            let answer = try await endpoint.send(
                .init(
                    method: .POST,
                    path: ["_fullsync", "projects", project, "sequences", test.sequence],
                    body: .object(test.variables),
                    headers: test.caller?.headers ?? []
                )
            )
            return (.success(answer.body), answer.run)
        } catch let refusal as EndpointRefusal {
            guard let code = refusal.error else { throw refusal }
            return (.failure(TestCase.Failed(code: code, message: refusal.reason)), refusal.run)
        }
    }

    // MARK: - Showing

    private var milliseconds: Int { Int(duration / .milliseconds(1)) }

    /// A line, with more of them for what is not as expected.
    func text(_ paint: Paint) -> String {
        let title = "\(test.file): \(test.name) (\(milliseconds) ms)"
        guard !isRight else { return "\(paint.good("✓")) \(title)" }
        return """
            \(paint.bad("✗")) \(title)
                \(test.position.file):\(test.position.line): expected \(test.expectation.description)
                \(found)\(run.map { " (run \($0))" } ?? "")
            """
    }

    private var found: String {
        switch outcome {
        case .success(let answer): "answered \(answer.text.printable)"
        case .failure(let failed): "failed with '\(failed.code.printable)': \(failed.message.printable)"
        }
    }

    var json: JSONValue {
        var members: JSONObject = [
            "file": .string(test.file), "name": .string(test.name), "line": .number(JSONNumber(test.position.line)),
            "ok": .bool(isRight), "milliseconds": .number(JSONNumber(milliseconds)),
            "run": run.map(JSONValue.string) ?? .null,
        ]
        switch outcome {
        case .success(let answer): members["answer"] = answer
        case .failure(let failed):
            members["error"] = .string(failed.code)
            members["reason"] = .string(failed.message)
        }
        return .object(members)
    }
}

extension TestCase.Caller {
    /// By which an administrator calls for somebody.
    fileprivate var headers: [(name: String, value: String)] {
        let user = (name: "X-FullSync-As", value: AdministeredEndpoint.escaped(user))
        guard let groups else { return [user] }
        return [
            user,
            (name: "X-FullSync-As-Groups", value: groups.map(AdministeredEndpoint.escaped).joined(separator: ",")),
        ]
    }
}
