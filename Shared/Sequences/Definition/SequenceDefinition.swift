/// One sequence of a project: what it takes, who may call it, and its steps.
package struct SequenceDefinition: Sendable {
    /// Who may call a sequence by its name from outside.
    package enum Access: String, Sendable, Hashable, CaseIterable {
        /// Anyone, and it is listed.
        case `public`
        /// Anyone who knows its name; it is not listed.
        case hidden
        /// Other sequences, listeners, jobs and notifications, and administrators.
        case `private`
    }

    /// The project that the sequence belongs to.
    package let project: String
    package let name: String
    package var description: String?
    package var access: Access
    /// Whether the sequence refuses to run without an authenticated user.
    package var requiresAuthenticatedUser: Bool
    /// How long a run may take, calls included.
    package var timeout: Duration
    package var variables: [VariableDefinition]
    package var body: StepBlock
    package var position: SourcePosition

    /// How long a run may take when the sequence does not say.
    package static let defaultTimeout = Duration.seconds(60)

    package init(
        project: String,
        name: String,
        description: String? = nil,
        access: Access = .private,
        requiresAuthenticatedUser: Bool = false,
        timeout: Duration = Self.defaultTimeout,
        variables: [VariableDefinition] = [],
        body: StepBlock,
        position: SourcePosition
    ) {
        self.project = project
        self.name = name
        self.description = description
        self.access = access
        self.requiresAuthenticatedUser = requiresAuthenticatedUser
        self.timeout = timeout
        self.variables = variables
        self.body = body
        self.position = position
    }
}
