import ControlStore
import DocumentStore
import Postgres
import Projects

/// The version of a project that is live when another one is deployed.
enum LastProject: Sendable {
    case none
    case known(Project)
    /// This process cannot read it.
    case unreadable
}

/// From where the listeners of a version listen that is about to be live, so that what is pushed right behind that is
/// theirs.
///
/// A listener that the version before had, too, goes on where it is. One that it had not, or had disabled, goes on from
/// where it was when it last listened, as long as the change log reaches back to there: nothing kept the log for it
/// meanwhile. Otherwise, and when it is new, it begins as its `start` says. Contents are not kept as long as the log
/// is: of a revision that was compacted meanwhile it gets the document as it is now, and of a deletion no content.
struct ListenerStarts: Sendable {
    let store: DocumentStore
    private let project: Project
    /// The listeners that go on where they are: their followers, by database.
    private let present: Set<[String]>

    init(of project: Project, after last: LastProject, store: DocumentStore) {
        self.project = project
        self.store = store
        let listeners: [Listener] =
            switch last {
            case .none: []
            case .known(let last): last.listeners.values.filter(\.isEnabled)
            // Nobody knows who was there: nobody is put anywhere else.
            case .unreadable: Array(project.listeners.values)
            }
        present = Set(listeners.map { [$0.name, $0.database] })
    }

    /// Notes it in the transaction that makes the version live.
    func note(in databases: [String: ChangedDatabase], over connection: PostgresConnection) async throws {
        for listener in project.listeners.values {
            guard let changed = databases[listener.database] else { continue }
            let follower = Listener.follower(listener.name, of: project.name)
            let position = Position(
                incarnation: changed.database.originalIncarnation,
                seq: listener.start == .now ? changed.seq : 0
            )
            let isPresent = present.contains([listener.name, listener.database])
            try await connection.execute(
                isPresent
                    ? ControlStore.start(of: follower, in: listener.database, at: position)
                    : ControlStore.comeback(
                        of: follower,
                        in: listener.database,
                        at: position,
                        logStart: try await store.startOfChangeLog(of: changed.database, over: connection)
                    )
            )
        }
    }
}
