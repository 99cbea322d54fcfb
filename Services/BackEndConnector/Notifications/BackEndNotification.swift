import JSON
import Messaging

/// A notification of a back end, as far as it can be understood without knowing the projects.
struct BackEndNotification: Hashable, Sendable {
    let project: String
    let name: String
    let variables: JSONObject
    /// What the same notification has when it comes again.
    let identity: String?

    /// Why a message is no notification.
    struct Rejection: Error, Hashable, CustomStringConvertible {
        let description: String

        init(_ description: String) {
            self.description = description
        }
    }

    init(_ message: IncomingMessage, limits: NotificationLimits = NotificationLimits()) throws(Rejection) {
        guard message.body.count <= limits.size else {
            throw Rejection("the body has \(message.body.count) bytes, \(limits.size) are allowed")
        }
        let parts = message.routingKey.split(separator: ".", omittingEmptySubsequences: false)
        guard parts.count == 2, !parts[0].isEmpty, !parts[1].isEmpty else {
            throw Rejection("the routing key is not <project>.<notification>")
        }
        let (project, name) = (String(parts[0]), String(parts[1]))
        if let type = message.contentType?.split(separator: ";").first, type.lowercased() != "application/json" {
            throw Rejection("the content type is not application/json")
        }
        guard message.messageID?.utf8.contains(0) != true else {
            // PostgreSQL has no text with one.
            throw Rejection("the message id has a zero byte")
        }
        let value: JSONValue
        do {
            value = try JSONValue(parsing: message.body, limits: limits.json)
        } catch {
            throw Rejection("the body is no JSON: \(error)")
        }
        guard let object = value.objectValue else {
            throw Rejection("the body is no JSON object but of type \(value.typeName)")
        }
        self.project = project
        self.name = name
        variables = object
        identity = message.messageID.flatMap { $0.isEmpty ? nil : "notification/\(project).\(name)/\($0)" }
    }
}
