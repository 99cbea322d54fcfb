import JSON

/// `parallel: {limit: 4, branches: [[…], […]]}`: runs the branches at the same time, at most `limit` of them.
///
/// Each branch begins with the names around the step, and what it sets is gone when it ends; outputs are merged in the
/// order of the branches. When a branch fails the others end before their next step, and the failure of the first
/// branch in order is the step's. A branch can neither leave the sequence nor change who is authenticated.
struct ParallelStep: StepAction {
    static let keyword = "parallel"
    /// How many branches run at once when the step does not say.
    static let defaultConcurrency = 4
    /// How many branches a step may have.
    static let branchLimit = 100

    let concurrency: Int
    let blocks: [StepBlock]

    init?(reading members: inout StepMembers) {
        let node = members.value()
        guard var reader = SourceMembers(node, subject: "'parallel'", problems: members.problems) else { return nil }
        concurrency = reader.integer("limit", in: 1...Self.branchLimit, default: Self.defaultConcurrency)
        let branches = reader.take("branches")?.node
        reader.describe("branches", as: .branches)
        reader.finish()
        guard let branches, case .list(let nodes) = branches.content else {
            reader.reportMissing("branches", expected: "a list of lists of steps")
            return nil
        }
        guard nodes.count <= Self.branchLimit else {
            members.problems.report("more than \(Self.branchLimit) branches", at: branches.position)
            return nil
        }
        var blocks: [StepBlock] = []
        for (index, node) in nodes.enumerated() {
            if case .mapping = node.content {
                members.problems.report(
                    "a branch must be a list of steps, found a mapping",
                    at: node.position,
                    suggestion: "begin it with '- -'"
                )
                continue
            }
            blocks.append(
                members.block(of: node, label: "branch\(index + 1)") {
                    $0.isInParallel = true
                    $0.isInLoop = false
                }
            )
        }
        self.blocks = blocks
    }

    func run(at site: StepSite, in frame: inout Frame, of execution: Execution) async throws -> Flow {
        let stop = ParallelStop(inside: frame.branch)
        var start = frame
        start.output = JSONObject()
        start.branch = stop
        let outcomes = try await outcomes(from: start, at: site, of: execution, stop: stop)

        for outcome in outcomes {
            if case .failed(let failure) = outcome { throw failure }
        }
        if frame.branch?.isStopped ?? false { throw ParallelStop.Stopped() }
        var size = frame.outputSize
        for case .finished(let branch) in outcomes {
            for (name, value) in branch.output { frame.output[name] = value }
            size += branch.outputSize - start.outputSize
        }
        guard size <= execution.limits.outputSize else {
            throw SequenceFailure(code: .limit, message: "an answer of more than \(execution.limits.outputSize) bytes")
        }
        frame.outputSize = size
        return .next
    }

    /// How a branch ended.
    private enum Outcome: Sendable {
        case finished(Frame)
        case failed(SequenceFailure)
        /// Ended, or never begun, because another one failed.
        case stopped
    }

    /// Runs all branches and gives their outcomes in order.
    private func outcomes(
        from start: Frame,
        at site: StepSite,
        of execution: Execution,
        stop: ParallelStop
    ) async throws -> [Outcome] {
        let width = min(concurrency, execution.limits.parallelBranches, blocks.count)
        var outcomes = [Outcome](repeating: .stopped, count: blocks.count)
        try await withThrowingTaskGroup(of: (Int, Outcome).self) { group in
            var next = 0
            func begin() {
                guard next < blocks.count else { return }
                let index = next
                next += 1
                group.addTask {
                    (index, try await outcome(of: blocks[index], from: start, at: site, of: execution, stop: stop))
                }
            }
            for _ in 0..<width { begin() }
            while let (index, outcome) = try await group.next() {
                outcomes[index] = outcome
                if !stop.isStopped { begin() }
            }
        }
        return outcomes
    }

    private func outcome(
        of block: StepBlock,
        from start: Frame,
        at site: StepSite,
        of execution: Execution,
        stop: ParallelStop
    ) async throws -> Outcome {
        var branch = start
        do {
            _ = try await execution.run(block, at: site.path.block(block.label), in: &branch)
            return .finished(branch)
        } catch let failure as SequenceFailure {
            stop.stop()
            return .failed(failure)
        } catch is ParallelStop.Stopped {
            return .stopped
        }
    }
}
