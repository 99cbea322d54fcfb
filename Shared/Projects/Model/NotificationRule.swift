package import Sequences

/// Starts a sequence for a notification of a back end, with the members of its body as variables.
package struct NotificationRule: Sendable {
    /// The last part of the routing key.
    package let name: String
    package var sequence: SequenceReference
    /// The user that the run is authenticated as at its start; nil for none.
    package var runAs: String?
    package var position: SourcePosition
}
