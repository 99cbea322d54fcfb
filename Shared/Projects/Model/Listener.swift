package import CouchProtocol
package import Sequences

/// Starts a sequence for committed changes of documents.
package struct Listener: Sendable {
    /// Which documents are meant.
    package enum Selection: Sendable, Hashable {
        /// Those for which the view's map emits.
        case view(design: String, view: String)
        /// Those that a Mango selector matches.
        case selector(Selector)
        case all
    }

    package enum Event: String, Sendable, Hashable, CaseIterable {
        case update
        /// The last live content is handed over.
        case delete
    }

    /// Whose changes are meant.
    package enum Origin: String, Sendable, Hashable, CaseIterable {
        case devices
        case any
    }

    package enum Start: String, Sendable, Hashable, CaseIterable {
        case now
        case beginning
    }

    /// What a change that fails for good does to the later changes of its document.
    package enum Ordering: String, Sendable, Hashable, CaseIterable {
        /// They wait until a person has decided.
        case hold
        /// They are handled as if it had not been.
        case pass
    }

    package let name: String
    package var description: String?
    package var database: String
    package var selection: Selection
    package var events: Set<Event>
    package var origin: Origin
    /// How many documents one run gets at most.
    package var chunk: Int
    package var start: Start
    package var ordering: Ordering
    /// Gets the documents as its multi-valued variable `doc`.
    package var sequence: SequenceReference
    package var isEnabled: Bool
    package var positions: MemberPositions

    /// The variable that receives the documents.
    package static let variable = "doc"
    package static let defaultChunk = 10
    package static let largestChunk = 1_000
}
