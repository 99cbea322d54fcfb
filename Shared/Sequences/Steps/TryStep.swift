import JSON

/// `try: […]`, `catch: […]` (`as: error`), `finally: […]`.
///
/// `catch` gets the failure (`code`, `message`, `details`, `sequence`, `step`, `file`, `line`) under the name of `as`.
/// `finally` runs after success, failure, `break`, `continue` and `return` alike; a failure of its own replaces one
/// that was pending. What the steps of `try` have set and given out before the failure stays. Neither runs when the
/// run is cancelled or its outcome is uncertain.
struct TryStep: StepAction {
    static let keyword = "try"

    let body: StepBlock
    let handler: StepBlock?
    let errorName: String
    let cleanup: StepBlock?

    init?(reading members: inout StepMembers) {
        let body = members.block(Self.keyword)
        handler = members.block("catch")
        errorName = members.variable("as", default: "error") ?? "error"
        cleanup = members.block("finally") {
            $0.isInFinally = true
            $0.isInLoop = false
        }
        if handler == nil, cleanup == nil { members.reportMissing("catch", expected: "a list of steps, or 'finally'") }
        guard let body else { return nil }
        self.body = body
    }

    var blocks: [StepBlock] { [body, handler, cleanup].compactMap { $0 } }
    var bindings: [String] { handler == nil ? [] : [errorName] }

    func run(at site: StepSite, in frame: inout Frame, of execution: Execution) async throws -> Flow {
        let outcome: Result<Flow, SequenceFailure>
        do {
            outcome = .success(try await handled(at: site, in: &frame, of: execution))
        } catch let failure as SequenceFailure {
            outcome = .failure(failure)
        }
        if let cleanup {
            _ = try await execution.run(cleanup, at: site.path.block(cleanup.label), in: &frame)
        }
        return try outcome.get()
    }

    private func handled(at site: StepSite, in frame: inout Frame, of execution: Execution) async throws -> Flow {
        do {
            return try await execution.run(body, at: site.path.block(body.label), in: &frame)
        } catch let failure as SequenceFailure {
            guard let handler else { throw failure }
            frame.names[errorName] = failure.json
            return try await execution.run(handler, at: site.path.block(handler.label), in: &frame)
        }
    }
}
