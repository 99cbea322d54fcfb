package import JSON

/// A sequence that somebody waits for: a device's call, or a login.
package struct SequenceCall: MessageBody, Hashable {
    /// The run's id, made by the caller: the same call delivered twice is the same run.
    package let run: String
    package let project: String
    package let sequence: String
    package let variables: JSONObject
    /// On whose behalf the sequence runs.
    package let identity: CallerIdentity
    /// What started it.
    package let cause: RunCause
    /// When the caller stops waiting, in milliseconds since 1970; a call that is taken later is dropped.
    package let deadline: Int

    package init(
        run: String,
        project: String,
        sequence: String,
        variables: JSONObject,
        identity: CallerIdentity,
        cause: RunCause,
        deadline: Int
    ) {
        self.run = run
        self.project = project
        self.sequence = sequence
        self.variables = variables
        self.identity = identity
        self.cause = cause
        self.deadline = deadline
    }

    package init(_ fields: MessageFields) throws(MessageError) {
        run = try fields.string("run")
        project = try fields.string("project")
        sequence = try fields.string("sequence")
        variables = try fields.members("variables")
        identity = try CallerIdentity(MessageFields(try fields.members("identity")))
        guard let cause = RunCause(rawValue: try fields.string("cause")) else {
            throw MessageError("'cause' is unknown")
        }
        self.cause = cause
        deadline = try fields.int("deadline")
    }

    package var fields: JSONObject {
        [
            "run": .string(run), "project": .string(project), "sequence": .string(sequence),
            "variables": .object(variables), "identity": .object(identity.fields), "cause": .string(cause.rawValue),
            "deadline": .number(JSONNumber(deadline)),
        ]
    }
}

/// What starts a run of a sequence.
package enum RunCause: String, Sendable, CaseIterable {
    /// A device or an administrator called it.
    case call
    /// Somebody logged in.
    case login
    /// A change of a document, by a listener.
    case listener
    /// The clock, by a job.
    case schedule
    /// A back end's notification.
    case notification
}

/// How a called sequence ended.
package struct SequenceAnswer: MessageBody, Hashable {
    package enum Outcome: Sendable, Hashable {
        /// It ran to its end, with this answer, as this identity (which the sequence may have set).
        case succeeded(JSONValue, CallerIdentity)
        /// It failed.
        case failed(Failure)
    }

    package let run: String
    package let outcome: Outcome

    package init(run: String, outcome: Outcome) {
        self.run = run
        self.outcome = outcome
    }

    package init(_ fields: MessageFields) throws(MessageError) {
        run = try fields.string("run")
        if fields.object["failure"] != nil {
            outcome = .failed(try Failure(MessageFields(try fields.members("failure"))))
        } else {
            let identity = try CallerIdentity(MessageFields(try fields.members("identity")))
            outcome = .succeeded(fields.object["answer"] ?? .null, identity)
        }
    }

    package var fields: JSONObject {
        switch outcome {
        case .succeeded(let answer, let identity):
            ["run": .string(run), "answer": answer, "identity": .object(identity.fields)]
        case .failed(let failure):
            ["run": .string(run), "failure": .object(failure.fields)]
        }
    }
}

/// Why a sequence or a transaction failed, as its caller is told.
package struct Failure: Error, Sendable, Hashable {
    /// Whether what was asked for may have happened all the same.
    package enum Effect: String, Sendable {
        /// It certainly did not: it may be tried again.
        case none
        /// Nobody knows: it must not be repeated blindly.
        case unknown
    }

    /// A word for programs, such as `timeout` or a `fail` step's own.
    package var code: String
    /// A sentence for people, without secrets.
    package var message: String
    /// What else is known, as JSON.
    package var details: JSONValue
    package var effect: Effect

    package init(code: String, message: String, details: JSONValue = .null, effect: Effect = .none) {
        self.code = code
        self.message = message
        self.details = details
        self.effect = effect
    }

    package init(_ fields: MessageFields) throws(MessageError) {
        code = try fields.string("code")
        message = try fields.string("message")
        details = fields.object["details"] ?? .null
        effect = Effect(rawValue: try fields.optionalString("effect") ?? "") ?? .unknown
    }

    package var fields: JSONObject {
        [
            "code": .string(code), "message": .string(message), "details": details,
            "effect": .string(effect.rawValue),
        ]
    }
}
