import Collation
import CouchProtocol
import JSON
import Logging
import Projects
import ScriptHosting

/// Decides which documents a listener is for.
struct ListenerFilter: Sendable {
    /// What the documents are chosen by.
    enum Choice: Sendable {
        case all
        /// Those for which the function emits something.
        case map(ScriptFunctions)
        case selector(Selector)
        /// None: what the listener names is not there, which the project's check refuses.
        case none
    }

    let choice: Choice
    let scripts: ScriptHostPool
    let logger: Logger

    /// What became of the question whether a document is one of those.
    enum Verdict: Sendable {
        case matches
        case doesNotMatch
        /// The function cannot do with the document.
        case undecided(ScriptError)

        init(_ matches: Bool) { self = matches ? .matches : .doesNotMatch }
    }

    /// For each document whether it is one of those.
    func verdicts(on documents: [JSONValue]) async throws -> [Verdict] {
        switch choice {
        case .all: return documents.map { _ in .matches }
        case .none: return documents.map { _ in .doesNotMatch }
        case .selector(let selector):
            var (verdicts, turns) = ([Verdict](), WorkTurns())
            for document in documents {
                verdicts.append(Verdict(selector.matches(document, collation: .unicode, work: &turns.work)))
                try await turns.next()
            }
            return verdicts
        case .map(let functions): return try await emits(functions, documents[...])
        }
    }

    private func emits(_ functions: ScriptFunctions, _ documents: ArraySlice<JSONValue>) async throws -> [Verdict] {
        guard let first = documents.first else { return [] }
        do throws(ScriptError) {
            let outcomes =
                documents.count == 1
                ? [try await scripts.map(functions, document: first.bytes)]
                : try await scripts.map(functions, documents: documents.map(\.bytes))
            return outcomes.map { Verdict($0.contains(where: \.hasRows)) }
        } catch {
            if error.kind == .compilation {
                // The project's check refuses such views.
                logger.error("A listener's view does not compile", error: error)
                return documents.map { _ in .doesNotMatch }
            }
            guard error.breaksLimit else { throw error }
            guard documents.count > 1 else {
                let id = first["_id"]?.stringValue ?? ""
                logger.error("A listener's view cannot do with a document", error: error, metadata: ["id": "\(id)"])
                return [.undecided(error)]
            }
            // By halves, so that the document at fault is alone at last.
            let middle = documents.startIndex + documents.count / 2
            return try await emits(functions, documents[..<middle]) + emits(functions, documents[middle...])
        }
    }
}

extension MapOutcome {
    /// Whether the map emitted anything for the document.
    fileprivate var hasRows: Bool {
        guard case .rows(let rows) = self else { return false }
        return !rows.isEmpty
    }
}
