import Foundation
import JSON

/// The part of a work order that work on it changes.
struct WorkOrderState: Hashable, Sendable {
    enum Status: String, CaseIterable, Sendable {
        case open
        case inProgress = "in_progress"
        case closed
    }

    var status: Status
    var notes: String
    var parts: [UsedPart]
    /// The technician's login.
    var closedBy: String?
    /// To the millisecond, as JavaScript's `toISOString` writes it.
    var closedAt: String?
}

/// How many of a part were used.
struct UsedPart: Hashable, Sendable {
    let part: String
    let quantity: Int

    var json: JSONValue {
        ["part": .string(part), "quantity": .number(JSONNumber(quantity))]
    }
}

/// A request to change a work order: the members that it names, checked.
struct WorkOrderChange: Hashable, Sendable {
    private static let members = ["status", "notes", "parts", "closedBy", "closedAt"]
    private static let maximumNotes = 20_000
    private static let maximumParts = 200

    var status: WorkOrderState.Status?
    var notes: String?
    var parts: [UsedPart]?
    /// Set to nil by `null`.
    var closedBy: String??
    /// Set to nil by `null`.
    var closedAt: String??
    /// The request as it came, for its digest.
    let source: JSONObject

    init(_ object: JSONObject) throws {
        source = object
        for name in object.names where !Self.members.contains(name) {
            throw APIError.invalid(
                member: name,
                reason: "cannot be changed; expected \(Self.members.joined(separator: ", "))"
            )
        }
        if let value = object["status"] {
            guard let status = value.stringValue.flatMap(WorkOrderState.Status.init(rawValue:)) else {
                throw APIError.invalid(member: "status", reason: "expected open, in_progress or closed")
            }
            self.status = status
        }
        if let value = object["notes"] { notes = try Self.notes(value) }
        if let value = object["parts"] { parts = try Self.parts(value) }
        if let value = object["closedBy"] { closedBy = .some(try Self.login(value)) }
        if let value = object["closedAt"] { closedAt = .some(try Self.moment(value)) }
    }

    /// The state after this change.
    ///
    /// Closing sets the moment when the request does not; what is not closed has neither moment nor person.
    func applied(to state: WorkOrderState, now: Date) -> WorkOrderState {
        var result = state
        if let status { result.status = status }
        if let notes { result.notes = notes }
        if let parts { result.parts = parts }
        if let closedBy { result.closedBy = closedBy }
        if let closedAt { result.closedAt = closedAt }
        if result.status != .closed {
            result.closedBy = nil
            result.closedAt = nil
        } else if result.closedAt == nil {
            result.closedAt = now.formatted(Self.momentStyle)
        }
        return result
    }

    private static let momentStyle = Date.ISO8601FormatStyle(includingFractionalSeconds: true)

    private static func notes(_ value: JSONValue) throws -> String {
        guard let notes = value.stringValue, notes.utf8.count <= maximumNotes, !notes.contains("\0") else {
            throw APIError.invalid(member: "notes", reason: "expected a text of at most \(maximumNotes) bytes")
        }
        return notes
    }

    private static func parts(_ value: JSONValue) throws -> [UsedPart] {
        let expected = "expected at most \(maximumParts) of {\"part\": <id>, \"quantity\": 1 to 10000}"
        guard let elements = value.arrayValue, elements.count <= maximumParts else {
            throw APIError.invalid(member: "parts", reason: expected)
        }
        return try elements.map { element in
            guard let part = element["part"]?.stringValue, let quantity = element["quantity"]?.intValue,
                (1...10_000).contains(quantity)
            else { throw APIError.invalid(member: "parts", reason: expected) }
            return UsedPart(part: part, quantity: quantity)
        }
    }

    private static func login(_ value: JSONValue) throws -> String? {
        if value.isNull { return nil }
        guard let login = value.stringValue else {
            throw APIError.invalid(member: "closedBy", reason: "expected a technician's login or null")
        }
        return login
    }

    private static func date(_ text: String) -> Date? {
        if let date = try? momentStyle.parse(text) { return date }
        return try? Date.ISO8601FormatStyle().parse(text)
    }

    /// The moment in one way of writing, so that the same moment is the same text.
    private static func moment(_ value: JSONValue) throws -> String? {
        if value.isNull { return nil }
        guard let text = value.stringValue, let date = date(text) else {
            throw APIError.invalid(member: "closedAt", reason: "expected a moment such as 2026-11-23T10:00:00.000Z")
        }
        return date.formatted(momentStyle)
    }
}

/// A work order that is to be made.
struct NewWorkOrder: Hashable, Sendable {
    let title: String
    let description: String
    let priority: String
    let customer: String
    let technician: String

    init(_ object: JSONObject) throws {
        title = try Self.text("title", of: object, limit: 200)
        description = object["description"] == nil ? "" : try Self.text("description", of: object, limit: 20_000)
        customer = try Self.text("customer", of: object, limit: 100)
        technician = try Self.text("technician", of: object, limit: 100)
        priority = object["priority"]?.stringValue ?? "normal"
        guard ["low", "normal", "high"].contains(priority) else {
            throw APIError.invalid(member: "priority", reason: "expected low, normal or high")
        }
    }

    private static func text(_ name: String, of object: JSONObject, limit: Int) throws -> String {
        guard let text = object[name]?.stringValue, !text.isEmpty, text.utf8.count <= limit, !text.contains("\0") else {
            throw APIError.invalid(member: name, reason: "expected a text of 1 to \(limit) bytes")
        }
        return text
    }
}
