package import Sequences

/// The transactions that every connector of type `directory` has: the built-in user directory, for login sequences.
package enum DirectoryTransaction: String, Sendable, Hashable, CaseIterable {
    /// Whether the directory knows the user by that password: answers `{"authenticated": …, "groups": […]}`.
    case authenticate

    /// The variables that the transaction takes.
    package var variables: [VariableDefinition] {
        switch self {
        case .authenticate:
            [
                VariableDefinition(name: "user", type: .string, isRequired: true),
                VariableDefinition(name: "password", type: .string, isRequired: true, isSecret: true),
            ]
        }
    }
}
