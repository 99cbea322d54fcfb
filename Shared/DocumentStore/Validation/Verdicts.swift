import CouchProtocol
import Synchronization

/// Which design documents a database has, told apart from what it had at other times.
struct DesignState: Sendable, Hashable {
    /// How many there are, deleted ones included.
    let count: Int64
    /// The number of the last change of one.
    let lastChange: Int64

    static let none = DesignState(count: 0, lastChange: 0)
}

/// What was decided about the edits of one request, and upon what.
struct Verdicts: Sendable {
    /// What a verdict is about: it holds only while the document that the edit replaces is the same.
    struct Key: Hashable {
        let edit: Int
        let ancestors: [RevisionID]
    }

    /// The design documents whose functions decided.
    let state: DesignState
    private var decided: [Key: CouchError?] = [:]

    init(_ state: DesignState) {
        self.state = state
    }

    subscript(edit: Int, ancestors: [RevisionID]) -> CouchError?? {
        get { decided[Key(edit: edit, ancestors: ancestors)] }
        set { decided[Key(edit: edit, ancestors: ancestors)] = newValue }
    }
}

/// The edits of a request must be decided about, or anew, before they are planned.
struct NotValidated: Error {}

/// The validation functions of each database, as they were when its design documents changed last.
final class ValidationCache: Sendable {
    private struct Entry {
        let state: DesignState
        let functions: (any ValidationFunctions)?
    }

    private let entries = Mutex<[Int32: Entry]>([:])

    /// Of how many databases they are kept; beyond it all are forgotten, and read anew.
    private static let capacity = 1_000

    /// Whether the database had functions when this was known last.
    func hasFunctions(_ database: Database) -> Bool {
        entries.withLock { $0[database.id]?.functions != nil }
    }

    /// The functions in that state; `.some(nil)` when there are none, nil when that is not known.
    func functions(of database: Database, in state: DesignState) -> (any ValidationFunctions)?? {
        entries.withLock { entries in
            guard let entry = entries[database.id], entry.state == state else { return nil }
            return .some(entry.functions)
        }
    }

    func keep(_ functions: (any ValidationFunctions)?, of database: Database, in state: DesignState) {
        entries.withLock { entries in
            if entries.count >= Self.capacity { entries.removeAll() }
            entries[database.id] = Entry(state: state, functions: functions)
        }
    }
}
