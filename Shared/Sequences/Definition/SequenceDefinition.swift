package import Schedules

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

    /// What becomes of a call when the client that waits for its answer goes away.
    package enum Departure: String, Sendable, Hashable, CaseIterable {
        /// It runs to its end, as a change that was asked for is wanted all the same.
        case `continue`
        /// It ends before its next step.
        case cancel
    }

    /// For how long an answer is given again to calls that are alike.
    package struct Caching: Sendable, Hashable {
        package var end: End
        /// Whether users get answers that were made for others.
        package var isShared: Bool
        /// The variables by which calls are told apart; nil for all.
        package var variables: [String]?
        package var position: SourcePosition

        /// When an answer is not given any more.
        package enum End: Sendable, Hashable {
            /// So long after it was made.
            case after(Duration)
            /// At the next time of a schedule: every night at three, on Mondays.
            case next(CronExpression, in: Zone)
        }

        /// For how long an answer is given again that is made at that moment; nil when it is not.
        package func lifetime(from now: Timestamp) -> Duration? {
            switch end {
            case .after(let lifetime): lifetime
            case .next(let expression, let zone):
                expression.nextFiring(after: now, in: zone).map { .seconds($0 - now) }
            }
        }

        package init(end: End, isShared: Bool, variables: [String]?, position: SourcePosition) {
            self.end = end
            self.isShared = isShared
            self.variables = variables
            self.position = position
        }
    }

    /// The project that the sequence belongs to.
    package let project: String
    package let name: String
    package var description: String?
    package var access: Access
    /// Whether the sequence refuses to run without an authenticated user.
    package var requiresAuthenticatedUser: Bool
    /// Whether calls must come by TLS.
    package var requiresSecureConnection = false
    package var departure = Departure.continue
    /// Nil when each call runs the sequence.
    package var caching: Caching?
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
