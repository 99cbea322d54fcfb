import Contracts
import JSON

extension Failure {
    /// What any caller may know of the details: where the sequence failed, and the status that a back end answered.
    ///
    /// What a back end says itself may quote another user's values, or be a page of an internal system. Administrators
    /// find it in the run.
    var publicDetails: JSONValue {
        var shown = JSONObject()
        for name in ["sequence", "step", "line"] { shown[name] = details[name] }
        if let status = details["details"]?["status"]?.intValue {
            shown["details"] = ["status": .number(JSONNumber(status))]
        }
        return .object(shown)
    }
}
