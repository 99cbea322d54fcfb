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
        RespondStep.self,
        SleepStep.self,
        LogStep.self,
        PublishStep.self,
        SendMailStep.self,
        SetAuthenticatedUserStep.self,
        RemoveAuthenticatedUserStep.self,
        LDAPAuthenticateStep.self,
        SessionSetStep.self,
        SessionGetStep.self,
        SessionRemoveStep.self,
        SetUserInGroupStep.self,
        RemoveUserFromGroupStep.self,
        GroupsOfStep.self,
        UsersOfStep.self,
        ListGroupsStep.self,
        ListUsersStep.self,
        SortStep.self,
        SplitStep.self,
        DateStep.self,
        HashStep.self,
        EncodeBase64Step.self,
        DecodeBase64Step.self,
        ParseCSVStep.self,
        WriteCSVStep.self,
        ParseXMLStep.self,
        WriteXMLStep.self,
    ]

    /// The kinds by keyword.
    package static let byKeyword: [String: any StepAction.Type] = Dictionary(
        uniqueKeysWithValues: all.map { ($0.keyword, $0) }
    )
}
