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
}

/// Cuts the changes that a listener matched into runs of its sequence; pure.
struct ListenerRuns: Sendable {
    let project: String
    let listener: Listener

    /// The runs, in order: each with the documents that one user pushed, up to the chunk's size.
    func runs(of matched: [MatchedChange]) -> [NewRun] {
        var runs: [NewRun] = []
        var chunk: [MatchedChange] = []
        for match in matched {
            let isFull = chunk.count >= listener.chunk
            // A run is one user's, and has a document once: two changes of it are two runs, in order.
            let isOther = chunk.first.map { $0.change.author != match.change.author } ?? false
            let isTwice = chunk.contains { $0.change.id == match.change.id }
            if isFull || isOther || isTwice {
                runs.append(run(chunk))
                chunk = []
            }
            chunk.append(match)
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
        run.identity = CallerIdentity(user: chunk.first?.change.author)
        run.orderingKeys = chunk.map { "\(project)/\(listener.name)/\(listener.database)/\($0.change.id)" }
        return run
    }

    private static let noTrace = String(repeating: "0", count: 32)
}
