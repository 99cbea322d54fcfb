import JSON
import Synchronization

/// What all steps of one run share: the world, the limits, and how much of them is used.
package struct Execution: Sendable {
    let effects: any SequenceEffects
    let library: any SequenceLibrary
    let limits: InterpreterLimits
    let run: RunDescription
    let turnNaming: TurnNaming
    let meter: StepMeter

    /// Runs the steps of a block one after the other until one leads elsewhere.
    func run(_ block: StepBlock, at path: CallPath, in frame: inout Frame) async throws -> Flow {
        for (index, step) in block.steps.enumerated() {
            let site = StepSite(step: step, path: path.step(index + 1))
            let flow = try await locating(site, in: frame.sequence) {
                try await run(site, in: &frame)
            }
            if flow != .next { return flow }
        }
        return .next
    }

    private func run(_ site: StepSite, in frame: inout Frame) async throws -> Flow {
        try Task.checkCancellation()
        if let branch = frame.branch, branch.isStopped { throw ParallelStop.Stopped() }
        try meter.countStep(limit: limits.steps)
        guard effects.now < frame.deadline else {
            throw Self.timeOver
        }
        if let condition = site.step.condition {
            guard try await evaluate(condition, at: site, in: frame).isTruthy else { return .next }
        }
        return try await site.step.action.run(at: site, in: &frame, of: self)
    }

    static let timeOver = SequenceFailure(code: .timeout, message: "the sequence's time is over")

    /// Runs the body and gives a failure of it the place of the step, unless it has one further in.
    private func locating(
        _ site: StepSite,
        in sequence: SequenceDefinition,
        body: () async throws -> Flow
    ) async throws -> Flow {
        do {
            return try await body()
        } catch let failure as SequenceFailure {
            throw failure.located(
                at: SequenceFailure.Location(
                    sequence: "\(sequence.project)/\(sequence.name)",
                    path: site.path,
                    position: site.step.position
                )
            )
        }
    }

    /// What an effect of the step is told.
    func callSite(_ site: StepSite, in frame: Frame) -> CallSite {
        CallSite(
            sequence: frame.sequence,
            path: site.path,
            position: site.step.position,
            identity: frame.identity,
            deadline: frame.deadline
        )
    }

    /// The value of one script.
    func evaluate(_ script: Script, at site: StepSite, in frame: Frame) async throws -> JSONValue {
        try await evaluate([script], at: site, in: frame).first ?? .null
    }

    /// The value of a script that need not be there; nil when it is not.
    func evaluate(_ script: Script?, at site: StepSite, in frame: Frame) async throws -> JSONValue? {
        guard let script else { return nil }
        return try await evaluate([script], at: site, in: frame).first ?? .null
    }

    /// The value of a template.
    func evaluate(_ template: Template, at site: StepSite, in frame: Frame) async throws -> JSONValue {
        if case .literal(let value) = template { return value }
        var results = try await evaluate(template.scripts, at: site, in: frame)[...]
        return template.filled(from: &results)
    }

    /// The values of scripts, evaluated together.
    private func evaluate(_ scripts: [Script], at site: StepSite, in frame: Frame) async throws -> [JSONValue] {
        let symbols = library.symbols(ofProject: frame.sequence.project)
        let scope = frame.scope(run: run, symbols: symbols)
        let results = try await effects.evaluate(scripts, scope: scope, at: callSite(site, in: frame))
        guard results.count == scripts.count else {
            throw SequenceFailure(code: .script, message: "the script engine gave another number of results")
        }
        for result in results { try check(result) }
        return results
    }

    /// Refuses a value that is larger than the limit.
    func check(_ value: JSONValue) throws(SequenceFailure) {
        guard value.size(atMost: limits.valueSize, depth: limits.valueDepth) != nil else {
            throw SequenceFailure(
                code: .limit,
                message: "a value of more than \(limits.valueSize) bytes, or nested deeper than \(limits.valueDepth)"
            )
        }
    }

    /// Refuses a loop's turn beyond the limit.
    func checkTurn(_ turn: Int, limit: Int) throws(SequenceFailure) {
        guard turn <= min(limit, limits.turns) else {
            throw SequenceFailure(code: .limit, message: "a loop of more than \(min(limit, limits.turns)) turns")
        }
    }
}

/// Counts the steps of a run, over all its branches and calls.
final class StepMeter: Sendable {
    private let count = Atomic<Int>(0)

    func countStep(limit: Int) throws(SequenceFailure) {
        let (_, now) = count.add(1, ordering: .relaxed)
        guard now <= limit else {
            throw SequenceFailure(code: .limit, message: "a run of more than \(limit) steps")
        }
    }
}
