import ArgumentParser
import Sequences

/// The files of a new project: a database of notes, a view, two sequences that anybody may call, and a listener.
enum ProjectTemplate {
    static let nameLimit = 64

    /// Whether a project, its connector and its database may all have the name.
    static func isName(_ name: String) -> Bool {
        guard 1...nameLimit ~= name.utf8.count, let first = name.utf8.first, isSmallLetter(first) else { return false }
        return name.utf8.allSatisfy { isSmallLetter($0) || 0x30...0x39 ~= $0 || $0 == UInt8(ascii: "-") }
    }

    /// Refuses what names no project that is deployed, such as a path.
    ///
    /// A project may have a name that its database could not have.
    static func checkName(_ name: String) throws {
        guard !Names.isThing(name) else { return }
        throw ValidationError("'\(name)' is no project's name: give what its project.yaml says, and no directory")
    }

    private static func isSmallLetter(_ byte: UInt8) -> Bool { UInt8(ascii: "a")...UInt8(ascii: "z") ~= byte }

    /// The texts by path.
    static func files(of name: String) -> [String: String] {
        storage(name).merging(sequences) { _, new in new }
    }

    /// What there is, and what happens when it changes.
    private static func storage(_ name: String) -> [String: String] {
        [
            "project.yaml": """
            project: \(name)
            description: Notes that their owners keep on their devices.

            """,
            "databases/\(name)/database.yaml": """
            description: One document for each note.
            anonymous: deny

            """,
            "databases/\(name)/design/notes/views/byState/map.js": """
            function (doc) {
              if (doc.type === 'note') emit(doc.state, null);
            }

            """,
            "databases/\(name)/design/notes/views/byState/view.yaml": "reduce: _count\n",
            "connectors/store.yaml": """
            description: The documents of the database.
            type: fullsync
            database: \(name)

            """,
            "listeners/new-notes.yaml": """
            description: Notes that devices have written are received.
            database: \(name)
            selector: {type: note, state: new}
            on: [update]
            origin: any
            sequence: receive-notes

            """,
        ]
    }

    private static let sequences = [
        "tests/notes.yaml": """
        description: What `fullsync test` calls, on a system of its own.
        cases:
          - name: a note is written for its author
            call: add-note
            as: ann
            with: {text: Buy paint}
            expect: {id: {$type: string}}
          - name: new notes are received
            call: count-notes
            answer: {received: 1}
            within: 60s
          - name: nobody's notes are refused
            call: add-note
            with: {text: Whose?}
            fails: unauthenticated

        """,
        "sequences/add-note.yaml": """
        description: Writes a note that belongs to the caller.
        access: public
        authenticated: true
        variables:
          text: {type: string, required: true}
        steps:
          - date:
            as: now
          - callTransaction: store.postDocument
            with:
              document: {type: note, state: new, text: =text, written: =now}
              policy: create
            as: note
          - output: {id: =note.id}

        """,
        "sequences/count-notes.yaml": """
        description: How many notes there are, by state.
        access: public
        steps:
          - callTransaction: store.getView
            with: {design: notes, view: byState, group: true}
            as: found
          - output: =Object.fromEntries(found.rows.map(row => [row.key, row.value]))

        """,
        "sequences/receive-notes.yaml": """
        description: Marks notes as received. Here they would go to a back end.
        access: private
        variables:
          doc: {type: object, multi: true}
        steps:
          - callTransaction: store.postBulkDocuments
            with:
              documents: "=doc.map(note => ({_id: note._id, state: 'received'}))"
              policy: merge
              owner: keep
              groups: keep
          - log: =`${doc.length} received`

        """,
    ]
}
