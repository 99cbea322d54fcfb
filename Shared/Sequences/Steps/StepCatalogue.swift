/// The kinds of steps that there are.
///
/// A new one is a file in this folder and a line here.
package enum StepCatalogue {
    package static let all: [any StepAction.Type] = [
        SetStep.self,
        OutputStep.self,
        JavaScriptStep.self,
        CallTransactionStep.self,
        CallSequenceStep.self,
        IfStep.self,
        SwitchStep.self,
        ForEachStep.self,
        WhileStep.self,
        ParallelStep.self,
        BreakStep.self,
        ContinueStep.self,
        ReturnStep.self,
        TryStep.self,
        FailStep.self,
        SleepStep.self,
        LogStep.self,
        SetAuthenticatedUserStep.self,
        RemoveAuthenticatedUserStep.self,
    ]

    /// The kinds by keyword.
    package static let byKeyword: [String: any StepAction.Type] = Dictionary(
        uniqueKeysWithValues: all.map { ($0.keyword, $0) }
    )
}
