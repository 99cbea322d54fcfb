/// What one kind of step does: one file each under `Steps`, listed in `StepCatalogue`.
package protocol StepAction: Sendable {
    /// The member that makes a mapping this step: `set`, `callTransaction` ….
    static var keyword: String { get }

    /// Reads the step; reports what is wrong, and gives nil when nothing can be made of it.
    init?(reading members: inout StepMembers)

    /// Carries the step out.
    func run(at site: StepSite, in frame: inout Frame, of execution: Execution) async throws -> Flow

    /// The steps inside this one, by the name that they have in call paths.
    var blocks: [StepBlock] { get }
    /// The JavaScript of this step, not of the steps inside.
    var scripts: [Script] { get }
    /// The names that this step gives values to, not those that the steps inside do.
    var bindings: [String] { get }
    /// What this step calls.
    var calls: [StepCall] { get }
    /// Whether the step may have an effect that is done once, however often its run is tried.
    var hasEffect: Bool { get }
}

extension StepAction {
    package var blocks: [StepBlock] { [] }
    package var scripts: [Script] { [] }
    package var bindings: [String] { [] }
    package var calls: [StepCall] { [] }
    package var hasEffect: Bool { !calls.isEmpty }
}

/// Where the flow goes after a step.
package enum Flow: Sendable, Hashable {
    /// To the next step.
    case next
    /// Out of the innermost loop.
    case leaveLoop
    /// To the next turn of the innermost loop.
    case nextTurn
    /// Out of the sequence, with an answer of its own or with what `output` built.
    case leaveSequence
}

/// One step of a sequence: an action with what every step may have.
package struct Step: Sendable {
    package let action: any StepAction
    /// What the author calls the step, for messages and traces.
    package let name: String?
    /// The step is skipped unless this is true.
    package let condition: Script?
    package let position: SourcePosition

    /// The step's keyword: `set`, `callTransaction` ….
    package var keyword: String { type(of: action).keyword }

    /// All JavaScript of the step, not of the steps inside.
    package var scripts: [Script] { (condition.map { [$0] } ?? []) + action.scripts }
}

/// Steps that run one after the other.
package struct StepBlock: Sendable {
    /// The name of the block in call paths: `then`, `do`, `case2` …; the whole sequence has none.
    package let label: String
    package let steps: [Step]

    package init(label: String = "", steps: [Step]) {
        self.label = label
        self.steps = steps
    }

    /// Every step of the block and of the blocks inside, outer ones first.
    package var allSteps: [Step] {
        steps.flatMap { [$0] + $0.action.blocks.flatMap(\.allSteps) }
    }
}

/// The step that is being carried out, and its path.
package struct StepSite: Sendable {
    package let step: Step
    package let path: CallPath
}
