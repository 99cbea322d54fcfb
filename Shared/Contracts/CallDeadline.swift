import JSON

/// Until when a call is waited for: whoever takes it later drops it.
///
/// Services need not agree on the time: a call names the moment by PostgreSQL's clock, which all of them ask. Members
/// `until` and `deadline` of the message.
package struct CallDeadline: Sendable, Hashable {
    /// By PostgreSQL's clock, in milliseconds since 1970; nil from whoever does not ask it: a back end, or a service of
    /// an earlier version.
    package let byDatabase: Int?
    /// By the caller's own clock, in milliseconds since 1970, for who knows no other; the largest number for ever.
    package let byCaller: Int

    package init(byDatabase: Int? = nil, byCaller: Int = .max) {
        self.byDatabase = byDatabase
        self.byCaller = byCaller
    }

    /// How long the caller still waits; nil when it waits no more.
    ///
    /// - Parameters:
    ///   - database: What PostgreSQL's clock says, in milliseconds since 1970.
    ///   - machine: What this machine's clock says, which is asked for a caller that does not know PostgreSQL's.
    package func timeLeft(database: Int, machine: Int) -> Duration? {
        let (end, now) = byDatabase.map { ($0, database) } ?? (byCaller, machine)
        // Before any arithmetic: the deadline is a stranger's number.
        guard end > now, now >= 0 else { return nil }
        return .milliseconds(end - now)
    }

    /// The members of a message that say it.
    ///
    /// - Parameter isRequired: Whether a message that says neither is none; otherwise it is waited for for ever.
    init(_ fields: MessageFields, isRequired: Bool) throws(MessageError) {
        byDatabase = fields.object["until"] == nil ? nil : try fields.int("until")
        let mayBeLeftOut = byDatabase != nil || !isRequired
        byCaller = mayBeLeftOut && fields.object["deadline"] == nil ? .max : try fields.int("deadline")
    }

    var fields: JSONObject {
        var fields: JSONObject = ["deadline": .number(JSONNumber(byCaller))]
        if let byDatabase { fields["until"] = .number(JSONNumber(byDatabase)) }
        return fields
    }
}
