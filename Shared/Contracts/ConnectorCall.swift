package import JSON

/// A transaction of a connector that a running sequence asks for.
package struct ConnectorCall: MessageBody, Hashable {
    /// How long a caller waits at most: the note of a call that must not be repeated is kept as long as that.
    package static let longestTime = Duration.seconds(7 * 86_400)

    package let project: String
    /// The project's version that the run began on.
    package let version: Int
    package let connector: String
    package let transaction: String
    package let variables: JSONObject
    /// The same for every attempt at this step of this run: back ends get it as `Idempotency-Key`.
    package let idempotencyKey: String
    /// What the back end's cookies are kept under: the caller's session, else the run.
    package let session: String?
    /// When the caller stops waiting; a call that is taken later is dropped.
    package let deadline: CallDeadline

    package init(
        project: String,
        version: Int,
        connector: String,
        transaction: String,
        variables: JSONObject,
        idempotencyKey: String,
        session: String? = nil,
        deadline: CallDeadline
    ) {
        self.project = project
        self.version = version
        self.connector = connector
        self.transaction = transaction
        self.variables = variables
        self.idempotencyKey = idempotencyKey
        self.session = session
        self.deadline = deadline
    }

    package init(_ fields: MessageFields) throws(MessageError) {
        project = try fields.string("project")
        version = try fields.int("version")
        connector = try fields.string("connector")
        transaction = try fields.string("transaction")
        variables = try fields.members("variables")
        idempotencyKey = try fields.string("idempotencyKey")
        session = try fields.optionalString("session")
        deadline = try CallDeadline(fields, isRequired: true)
    }

    package var fields: JSONObject {
        let fields: JSONObject = [
            "project": .string(project), "version": .number(JSONNumber(version)), "connector": .string(connector),
            "transaction": .string(transaction), "variables": .object(variables),
            "idempotencyKey": .string(idempotencyKey), "session": session.map(JSONValue.string) ?? .null,
        ]
        return fields.merging(deadline.fields)
    }
}

/// What a transaction of a connector answered.
package struct ConnectorAnswer: MessageBody, Hashable {
    package let outcome: Result<JSONValue, Failure>

    package init(_ outcome: Result<JSONValue, Failure>) {
        self.outcome = outcome
    }

    package init(_ fields: MessageFields) throws(MessageError) {
        if fields.object["failure"] != nil {
            outcome = .failure(try Failure(MessageFields(try fields.members("failure"))))
        } else {
            outcome = .success(fields.object["answer"] ?? .null)
        }
    }

    package var fields: JSONObject {
        switch outcome {
        case .success(let answer): ["answer": answer]
        case .failure(let failure): ["failure": .object(failure.fields)]
        }
    }
}
