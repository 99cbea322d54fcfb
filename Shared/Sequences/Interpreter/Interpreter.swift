package import JSON

/// Runs sequences.
///
/// Pure but for its effects: every decision follows from the definition, the variables and what the effects answer, so
/// a run that is repeated with the same answers takes the same way and asks for the same effects under the same paths.
///
/// Rules of scope: steps see the sequence's variables and every name set before. `if`, `switch`, `while` and `try` work
/// on the names around them. A turn of `forEach` and a branch of `parallel` begin with a copy, and what they set is
/// gone when they end; what they give to `output` stays, in the order of turns and branches. A called sequence sees
/// its variables alone.
package struct Interpreter: Sendable {
    private let library: any SequenceLibrary
    private let effects: any SequenceEffects
    private let limits: InterpreterLimits
    private let turnNaming: TurnNaming

    /// - Parameter turnNaming: How the turns of loops are known again, which is the same at all attempts at a run.
    package init(
        library: any SequenceLibrary,
        effects: any SequenceEffects,
        limits: InterpreterLimits = InterpreterLimits(),
        turnNaming: TurnNaming = .byNumber
    ) {
        self.library = library
        self.effects = effects
        self.limits = limits
        self.turnNaming = turnNaming
    }

    /// What a sequence gave.
    package struct Answer: Sendable, Hashable {
        /// What `return` gave, or else the members that `output` built.
        package let value: JSONValue
        /// Who was authenticated at the end.
        package let identity: Identity?
        /// How the HTTP call is answered that started the run.
        package let response: ResponseHead
    }

    /// Runs a sequence to its end.
    ///
    /// Throws a `SequenceFailure` when the sequence fails, and whatever else its effects throw.
    ///
    /// - Parameters:
    ///   - sequence: The sequence.
    ///   - variables: The values of its variables.
    ///   - unknown: What happens to values that it does not declare; a failure unless it is said otherwise.
    ///   - identity: Who is authenticated at the start.
    ///   - run: The run, for expressions.
    /// - Returns: The sequence's answer.
    package func run(
        _ sequence: SequenceDefinition,
        variables: JSONObject,
        unknown: [VariableDefinition].UnknownNames = .refused,
        identity: Identity?,
        run: RunDescription
    ) async throws -> Answer {
        let execution = Execution(
            effects: effects,
            library: library,
            limits: limits,
            run: run,
            turnNaming: turnNaming,
            meter: StepMeter()
        )
        return try await execution.run(
            sequence,
            variables: variables,
            unknown: unknown,
            identity: identity,
            at: .root,
            depth: 0,
            deadline: effects.now.advanced(by: sequence.timeout)
        )
    }
}

extension Execution {
    /// Runs a whole sequence, the run's own or one that a step calls.
    func run(
        _ sequence: SequenceDefinition,
        variables: JSONObject,
        unknown: [VariableDefinition].UnknownNames = .refused,
        identity: Identity?,
        at path: CallPath,
        depth: Int,
        deadline: ContinuousClock.Instant,
        branch: ParallelStop? = nil
    ) async throws -> Interpreter.Answer {
        guard depth <= limits.callDepth else {
            throw SequenceFailure(
                code: .limit,
                message: "sequences that call each other deeper than \(limits.callDepth)"
            )
        }
        guard !sequence.requiresAuthenticatedUser || identity != nil else {
            throw SequenceFailure(
                code: .unauthenticated,
                message: "the sequence '\(sequence.name)' needs an authenticated user"
            )
        }
        for (_, value) in variables { try check(value) }
        var frame = Frame(
            names: try sequence.variables.bind(variables, unknown: unknown),
            identity: identity,
            sequence: sequence,
            depth: depth,
            deadline: deadline,
            branch: branch
        )
        _ = try await run(sequence.body, at: path, in: &frame)
        return Interpreter.Answer(
            value: frame.answer ?? .object(frame.output),
            identity: frame.identity,
            response: frame.response
        )
    }
}
