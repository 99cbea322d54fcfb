package import JSON

/// Says that a run waits in PostgreSQL for a worker; the row is the truth, the message only a nudge.
package struct RunReady: MessageBody, Hashable {
    package let run: String
    /// What made the run; nil where whoever tells of it does not know, and the row says it.
    package let line: RunLine?

    package init(run: String, line: RunLine? = nil) {
        self.run = run
        self.line = line
    }

    package init(_ fields: MessageFields) throws(MessageError) {
        run = try fields.uuid("run")
        line = fields.object["line"] == nil ? nil : try RunLine(MessageFields(try fields.members("line")))
    }

    package var fields: JSONObject {
        var fields: JSONObject = ["run": .string(run)]
        if let line { fields["line"] = .object(line.fields) }
        return fields
    }
}
