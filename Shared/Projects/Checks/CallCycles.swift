import Sequences

/// Finds sequences that call each other in a circle with nothing on the way that could end it.
struct CallCycles {
    let project: Project
    let problems: ProblemCollector

    func check() {
        let calls = project.sequences.mapValues { certainCalls(of: $0.body).calls }
        var reported: Set<Set<String>> = []
        for start in project.sequences.keys.sorted() {
            guard let cycle = path(from: start, to: start, over: calls), reported.insert(Set(cycle)).inserted,
                let position = calls[start]?.first(where: { $0.name == (cycle.count > 1 ? cycle[1] : start) })?.position
            else { continue }
            problems.report(
                "sequences call each other without end: \((cycle + [start]).joined(separator: " → "))",
                at: position
            )
        }
    }

    /// A call that every run of a sequence makes.
    private struct Call {
        let name: String
        let position: SourcePosition
    }

    /// The calls that are made whatever the values are, up to the first step that could end the sequence before.
    private func certainCalls(of block: StepBlock) -> (calls: [Call], mayEnd: Bool) {
        var result: [Call] = []
        for step in block.steps {
            if step.condition == nil {
                for call in step.action.calls {
                    guard case .sequence(let reference) = call.target,
                        reference.project == nil || reference.project == project.name
                    else { continue }
                    result.append(Call(name: reference.sequence, position: call.position))
                }
                if ["try", "parallel"].contains(step.keyword) {
                    for inner in step.action.blocks where inner.label != "catch" {
                        result += certainCalls(of: inner).calls
                    }
                }
            }
            if mayEnd(step) { return (result, true) }
        }
        return (result, false)
    }

    private func mayEnd(_ step: Step) -> Bool {
        ["return", "fail", "break", "continue"].contains(step.keyword)
            || step.action.blocks.contains { $0.steps.contains(where: mayEnd) }
    }

    /// The shortest way from one sequence to another, without the last.
    private func path(from start: String, to end: String, over calls: [String: [Call]]) -> [String]? {
        var previous: [String: String] = [:]
        var queue = [start]
        var index = 0
        while index < queue.count {
            let name = queue[index]
            index += 1
            for call in calls[name] ?? [] {
                if call.name == end {
                    var way = [name]
                    while let before = previous[way[0]], way[0] != start { way.insert(before, at: 0) }
                    return way
                }
                guard previous[call.name] == nil, call.name != start else { continue }
                previous[call.name] = name
                queue.append(call.name)
            }
        }
        return nil
    }
}
