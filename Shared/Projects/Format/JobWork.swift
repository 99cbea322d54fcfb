import JSON
import Sequences

extension ProjectReader {
    /// How many jobs a group has at most: as many as run side by side.
    static let largestGroup = 16

    /// Reads what a job does: `sequence`, `transaction` or `group`.
    func readWork(_ members: inout SourceMembers) -> Job.Work? {
        // Known in any case; whether it must be there depends on the others.
        _ = members.take("sequence")
        members.describe("sequence", as: .text)
        let transaction = members.text("transaction")
        let group = members.list("group")
        problems.pardon(holder: members.node(of: "group"))
        let mode: Job.Mode = members.choice("mode", default: .series)
        guard members.exclusive(["sequence", "transaction", "group"]).count < 2 else { return nil }
        if members.has("mode"), group == nil {
            problems.report("'mode' goes with 'group' only", at: members.position(of: "mode"))
        }
        if let transaction {
            guard let reference = TransactionReference(transaction) else {
                problems.report(
                    "'transaction' must name connector.transaction",
                    at: members.position(of: "transaction")
                )
                return nil
            }
            return .transaction(reference)
        }
        if let group {
            let names = group.compactMap(\.string)
            guard names.count == group.count, !names.isEmpty, names.count <= Self.largestGroup else {
                problems.report(
                    "'group' must be a list of 1 to \(Self.largestGroup) names of jobs",
                    at: members.position(of: "group")
                )
                return nil
            }
            return .group(names, mode)
        }
        return members.sequence().map { .sequence($0) }
    }

    /// The jobs that a group has, known before any of them is read.
    func membersOfGroups(_ layout: ProjectLayout) -> Set<String> {
        var names: Set<String> = []
        for (_, file) in layout.jobs {
            // What is wrong with the file is told when it is read as a job.
            var source = YAMLSource(file: file, text: files[file] ?? "", symbols: symbols, problems: ProblemCollector())
            guard case .mapping(let members)? = source.read()?.content,
                let group = members.first(where: { $0.name == "group" })?.node
            else { continue }
            if case .list(let nodes) = group.content { names.formUnion(nodes.compactMap(\.string)) }
            if let name = group.string { names.insert(name) }
        }
        return names
    }

    /// The sequences of the jobs that run something else than a sequence.
    func sequencesOfJobs(in project: Project, _ layout: ProjectLayout) -> [SequenceDefinition] {
        let declared = layout.jobs.map(\.name)
        return project.jobs.values.compactMap { job in
            if case .sequence = job.work { return nil }
            let maker = JobSequenceMaker(jobs: project.jobs, declared: declared, problems: problems)
            let steps = maker.steps(of: job, within: [])
            return SequenceDefinition(
                project: project.name,
                name: job.sequence.sequence,
                description: job.description,
                timeout: JobSequenceMaker.timeout,
                body: StepBlock(
                    reading: SourceNode(.list(steps), at: job.positions.start),
                    problems: problems
                ),
                position: job.positions.start
            )
        }
    }
}

/// Makes steps of what jobs do, as if they had been written.
private struct JobSequenceMaker {
    let jobs: [String: Job]
    /// The names of all that have a file, also of those that could not be read.
    let declared: [String]
    let problems: ProblemCollector

    /// The called sequences have limits of their own.
    static let timeout = Duration.seconds(86_400)

    /// - Parameter groups: The groups around the job: it can be none of them.
    func steps(of job: Job, within groups: [String]) -> [SourceNode] {
        let position = job.positions.start
        switch job.work {
        case .sequence(let reference):
            return [call("callSequence", "\(reference)", job)]
        case .transaction(let reference):
            return [call("callTransaction", "\(reference)", job)]
        case .group(let names, let mode):
            let groups = groups + [job.name]
            let members = names.compactMap { member($0, of: job, within: groups) }
            let blocks = members.filter(\.isEnabled).map { ($0.name, steps(of: $0, within: groups)) }
            guard !blocks.isEmpty else { return [] }
            return mode == .series ? series(blocks, position) : [parallel(blocks.map(\.1), position)]
        }
    }

    private func member(_ name: String, of group: Job, within groups: [String]) -> Job? {
        let position = group.positions["group"]
        guard let job = jobs[name] else {
            if !declared.contains(name) {
                problems.reportUnknown("there is no job '\(name)'", name: name, among: declared, at: position)
            }
            return nil
        }
        guard !groups.contains(name) else {
            problems.report("the group '\(name)' is in itself", at: position)
            return nil
        }
        if let user = job.runAs, user != group.runAs {
            problems.report("the job '\(name)' runs as '\(user)', and in the group it would not", at: position)
        }
        return job
    }

    private func call(_ keyword: String, _ target: String, _ job: Job) -> SourceNode {
        mapping(
            [
                (keyword, text(target, job.positions[keyword == "callSequence" ? "sequence" : "transaction"])),
                ("with", node(.object(job.variables), job.positions["with"])),
            ],
            job.positions.start
        )
    }

    /// One after the other; what failed is told at the end, when all have had their turn.
    private func series(_ blocks: [(String, [SourceNode])], _ position: SourcePosition) -> [SourceNode] {
        func step(_ members: [(String, SourceNode)]) -> SourceNode { mapping(members, position) }
        func list(_ nodes: [SourceNode]) -> SourceNode { SourceNode(.list(nodes), at: position) }
        let start = step([("set", step([("failed", list([]))]))])
        let turns = blocks.map { name, steps in
            let note = "=[...failed, {job: \"\(name)\", code: error.code, message: error.message}]"
            return step([
                ("try", list(steps)), ("catch", list([step([("set", step([("failed", text(note, position))]))])])),
            ])
        }
        let failure = step([
            // Whether it is tried again is decided as for the first of them alone.
            ("code", text("=failed[0].code", position)),
            ("message", text("=\"Of the group failed: \" + failed.map(each => each.job).join(\", \")", position)),
            ("details", text("=failed", position)),
        ])
        let end = step([("if", text("failed.length > 0", position)), ("then", list([step([("fail", failure)])]))])
        return [start] + turns + [end]
    }

    private func parallel(_ blocks: [[SourceNode]], _ position: SourcePosition) -> SourceNode {
        let branches = SourceNode(.list(blocks.map { SourceNode(.list($0), at: position) }), at: position)
        let limit = SourceNode(.scalar(.number(JSONNumber(blocks.count))), at: position)
        return mapping([("parallel", mapping([("limit", limit), ("branches", branches)], position))], position)
    }

    private func mapping(_ members: [(String, SourceNode)], _ position: SourcePosition) -> SourceNode {
        SourceNode(
            .mapping(members.map { SourceMember(name: $0.0, position: position, node: $0.1) }),
            at: position
        )
    }

    private func text(_ text: String, _ position: SourcePosition) -> SourceNode {
        SourceNode(.scalar(.string(text)), at: position)
    }

    /// A value as it is: what looks like an expression is none.
    private func node(_ value: JSONValue, _ position: SourcePosition) -> SourceNode {
        switch value {
        case .object(let members):
            mapping(members.map { ($0.0, node($0.1, position)) }, position)
        case .array(let elements): SourceNode(.list(elements.map { node($0, position) }), at: position)
        case .string(let string) where string.hasPrefix("=") || string.hasPrefix(#"\="#):
            text(#"\"# + string, position)
        default: SourceNode(.scalar(value), at: position)
        }
    }
}
