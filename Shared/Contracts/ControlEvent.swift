package import JSON

/// What every process should look at again at once.
///
/// Losing one costs the time until the next regular look.
package enum ControlEvent: String, MessageBody, CaseIterable {
    /// Another version of a project became live.
    case projects
    /// A session was ended, or a user's groups changed.
    case sessions

    package init(_ fields: MessageFields) throws(MessageError) {
        guard let event = ControlEvent(rawValue: try fields.string("event")) else {
            throw MessageError("'event' is unknown")
        }
        self = event
    }

    package var fields: JSONObject { ["event": .string(rawValue)] }
}
