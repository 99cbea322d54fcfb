package import JSON

/// A sequence that somebody waits for: a device's call, a login, or the call of a back end.
///
/// A back end that the broker trusts publishes it to `fullsync.calls` itself, with `reply_to` and `correlation_id`, and
/// gets a ``SequenceAnswer``. It must say `run`, `project` and `sequence`; `run` is a UUID that it makes for each call.
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
    /// What the sequence may know of the HTTP request, as expressions see it; empty for none.
    package let request: JSONObject
    /// What the caller wants to be answered in, as the header `Accept` of HTTP says it; nil for JSON.
    package let accept: String?
    /// When the caller stops waiting, for ever without; a call that is taken later is dropped.
    package let deadline: CallDeadline

    package init(
        run: String,
        project: String,
        sequence: String,
        variables: JSONObject,
        identity: CallerIdentity,
        cause: RunCause,
        request: JSONObject = [:],
        accept: String? = nil,
        deadline: CallDeadline
    ) {
        self.run = run
        self.project = project
        self.sequence = sequence
        self.variables = variables
        self.identity = identity
        self.cause = cause
        self.request = request
        self.accept = accept
        self.deadline = deadline
    }

    package init(_ fields: MessageFields) throws(MessageError) {
        run = try fields.uuid("run")
        project = try fields.name("project")
        sequence = try fields.name("sequence")
        variables = try fields.members("variables")
        identity = try CallerIdentity(MessageFields(try fields.members("identity")))
        guard let cause = RunCause(rawValue: try fields.optionalString("cause") ?? RunCause.call.rawValue) else {
            throw MessageError("'cause' is unknown")
        }
        self.cause = cause
        request = try fields.members("request")
        accept = try fields.optionalString("accept")
        deadline = try CallDeadline(fields, isRequired: false)
    }

    package var fields: JSONObject {
        let fields: JSONObject = [
            "run": .string(run), "project": .string(project), "sequence": .string(sequence),
            "variables": .object(variables), "identity": .object(identity.fields), "cause": .string(cause.rawValue),
            "request": .object(request), "accept": accept.map(JSONValue.string) ?? .null,
        ]
        return fields.merging(deadline.fields)
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
        case succeeded(JSONValue, CallerIdentity, AnswerHead)
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
            let head = try AnswerHead(MessageFields(try fields.members("head")))
            outcome = .succeeded(fields.object["answer"] ?? .null, identity, head)
        }
    }

    package var fields: JSONObject {
        switch outcome {
        case .succeeded(let answer, let identity, let head):
            [
                "run": .string(run), "answer": answer, "identity": .object(identity.fields),
                "head": .object(head.fields),
            ]
        case .failed(let failure):
            ["run": .string(run), "failure": .object(failure.fields)]
        }
    }
}

/// How a sequence wants its call by HTTP to be answered, beside the answer itself.
package struct AnswerHead: Sendable, Hashable {
    /// The status; nil for what the outcome says.
    package var status: Int?
    /// Texts by the names of headers.
    package var headers: JSONObject

    package init(status: Int? = nil, headers: JSONObject = [:]) {
        self.status = status
        self.headers = headers
    }

    package init(_ fields: MessageFields) throws(MessageError) {
        status = fields.object["status"]?.intValue
        headers = try fields.members("headers")
    }

    package var fields: JSONObject {
        ["status": status.map { .number(JSONNumber($0)) } ?? .null, "headers": .object(headers)]
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
