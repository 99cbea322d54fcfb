package import JSON

/// Says that a run waits in PostgreSQL for a worker; the row is the truth, the message only a nudge.
package struct RunReady: MessageBody, Hashable {
    package let run: String

    package init(run: String) {
        self.run = run
    }

    package init(_ fields: MessageFields) throws(MessageError) {
        run = try fields.string("run")
    }

    package var fields: JSONObject { ["run": .string(run)] }
}
