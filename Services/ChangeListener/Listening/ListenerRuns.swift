import Contracts
import ControlStore
import CouchProtocol
import DocumentStore
import JSON
import Projects
import Sequences

/// A document that a listener matched, as its sequence gets it.
struct MatchedChange: Sendable {
    let change: CommittedChange
    let document: JSONObject
    /// Why nobody could say whether the listener matches it: its run is made as one that failed.
    var failure: Failure?
}

/// Cuts the changes that a listener matched into runs of its sequence; pure.
struct ListenerRuns: Sendable {
    let project: String
    let listener: Listener

    /// The listener's name among those of all projects.
    var name: String { Listener.follower(listener.name, of: project) }
    /// How many bytes of documents a run gets at most, unless one document alone has more.
    private static let largestChunk = 4 << 20

    /// The runs, in order: each with the documents that one user pushed, up to the chunk's size.
    func runs(of matched: [MatchedChange]) -> [NewRun] {
        var runs: [NewRun] = []
        var chunk: [MatchedChange] = []
        var size = 0
        for match in matched {
            let isFull = chunk.count >= listener.chunk || size >= Self.largestChunk
            // A run is one user's, and has a document once: two changes of it are two runs, in order. What it writes
            // is nobody's echo for the sake of a change that another listener had nothing to do with.
            let isOther =
                chunk.first.map {
                    Self.user($0.change) != Self.user(match.change) || $0.change.lineage != match.change.lineage
                } ?? false
            let isAlone = match.failure != nil || chunk.last?.failure != nil
            let isTwice = chunk.contains { $0.change.id == match.change.id }
            if isFull || isOther || isAlone || isTwice {
                runs.append(run(chunk))
                chunk = []
                size = 0
            }
            chunk.append(match)
            size += JSONValue.object(match.document).bytes.count
        }
        if !chunk.isEmpty { runs.append(run(chunk)) }
        return runs
    }

    private func run(_ chunk: [MatchedChange]) -> NewRun {
        var run = NewRun(
            project: listener.sequence.project ?? project,
            sequence: listener.sequence.sequence,
            cause: .listener,
            variables: [Listener.variable: .array(chunk.map { .object($0.document) })],
            traceID: chunk.lazy.compactMap(\.change.traceID).first ?? Self.noTrace
        )
        run.source = listener.name
        run.sourceProject = project
        let lineage = chunk.first?.change.lineage ?? []
        run.lineage = lineage.contains(name) ? lineage : lineage + [name]
        run.holds = listener.ordering == .hold
        run.failure = chunk.first?.failure
        run.identity = CallerIdentity(user: chunk.first.flatMap { Self.user($0.change) })
        run.orderingKeys = chunk.map { "\(project)/\(listener.name)/\(listener.database)/\($0.change.id)" }
        return run
    }

    /// The user who pushed the change; an administrator is none, and what the run writes is not an administrator's own.
    private static func user(_ change: CommittedChange) -> String? {
        change.origin == ChangeEvent.Origin.admin.rawValue ? nil : change.author
    }

    private static let noTrace = String(repeating: "0", count: 32)
}
