package import JSON

/// A place in a replica's order of changes, as the replica gives it out and takes it back.
///
/// A number or a string, which means something to that replica alone: nobody else compares or counts with it.
package struct UpdateSequence: Hashable, Sendable {
    /// The number or the string, as it stands in JSON.
    package let json: JSONValue

    /// The place in front of the first change, for every replica.
    package static let beginning = UpdateSequence(0)

    /// A place that is a number.
    package init(_ number: Int) {
        json = .number(JSONNumber(number))
    }

    /// A place that is a string.
    package init(_ text: String) {
        json = .string(text)
    }

    /// The place that a member like `seq` or `last_seq` says; nil when it is neither a number nor a string.
    package init?(json: JSONValue) {
        switch json {
        case .number, .string: self.json = json
        default: return nil
        }
    }

    /// The place as the value of a `since` parameter, not yet escaped for an address.
    package var text: String {
        json.stringValue ?? json.text
    }
}

extension UpdateSequence: CustomStringConvertible {
    package var description: String { text }
}
