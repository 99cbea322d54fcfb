import JSON

/// What made a run: a listener, a job or a notification of a project.
///
/// The runs of one line, and those of one project, share the places that workers have for all.
package struct RunLine: Sendable, Hashable {
    /// The project of the listener, job or notification.
    package let project: String
    package let cause: RunCause
    /// Its name; empty for a call.
    package let source: String

    package init(project: String, cause: RunCause, source: String) {
        self.project = project
        self.cause = cause
        self.source = source
    }

    init(_ fields: MessageFields) throws(MessageError) {
        project = try fields.string("project")
        guard let cause = RunCause(rawValue: try fields.string("cause")) else {
            throw MessageError("'cause' is unknown")
        }
        self.cause = cause
        source = try fields.string("source")
    }

    var fields: JSONObject {
        ["project": .string(project), "cause": .string(cause.rawValue), "source": .string(source)]
    }
}
