package import JSON

/// What every process should hear of at once.
///
/// Losing one costs the time until the next regular look; a run whose end is not heard of goes on.
package enum ControlEvent: MessageBody, Hashable {
    /// Another version of a project became live.
    case projects
    /// A session was ended, or a user's groups changed.
    case sessions
    /// A run is to be ended before its next step.
    ///
    /// `claim` is the run's when it was cancelled: who claimed it later does so because it was put back in line, and is
    /// not meant. Nil for a call whose caller has gone, who knows of no claims.
    case cancelled(run: String, claim: Int64?)

    package init(_ fields: MessageFields) throws(MessageError) {
        switch try fields.string("event") {
        case "projects": self = .projects
        case "sessions": self = .sessions
        case "cancelled":
            let claim = fields.object["claim"] == nil ? nil : Int64(try fields.int("claim"))
            self = .cancelled(run: try fields.string("run").lowercased(), claim: claim)
        default: throw MessageError("'event' is unknown")
        }
    }

    package var fields: JSONObject {
        switch self {
        case .projects: ["event": "projects"]
        case .sessions: ["event": "sessions"]
        case .cancelled(let run, let claim?):
            ["event": "cancelled", "run": .string(run), "claim": .number(JSONNumber(Int(claim)))]
        case .cancelled(let run, nil): ["event": "cancelled", "run": .string(run)]
        }
    }
}
