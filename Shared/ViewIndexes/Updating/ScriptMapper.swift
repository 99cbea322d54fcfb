import DocumentStore
import JSON
import ScriptHosting

/// Maps documents by the functions of a design document, in script hosts.
///
/// What a function throws concerns one document. A limit that it breaks ends the batch; then the batch is cut up until
/// the documents at fault are alone, and these are skipped. A function that breaks a limit whatever it is given is no
/// fault of documents, and stops the index.
struct ScriptMapper: DocumentMapper {
    private let functions: ScriptFunctions
    /// Each of the functions alone.
    private let singles: [ScriptFunctions]
    private let scripts: ScriptHostPool

    /// Into how many pieces a batch with a fault is cut.
    private static let pieces = 16

    init(sources: [ScriptSource], library: JSONObject, scripts: ScriptHostPool) {
        functions = ScriptFunctions(sources, library: library)
        singles = sources.map { ScriptFunctions([$0], library: library) }
        self.scripts = scripts
    }

    func map(_ documents: [IndexableDocument]) async throws -> [[MapOutcome]] {
        do {
            return try await scripts.map(functions, documents: documents.map(\.json))
        } catch {
            guard error.breaksLimit else { throw error }
            if documents.count == 1 { return [try await single(documents[0])] }
            try await probe(documents, error)
            let size = max(1, documents.count / Self.pieces)
            var outcomes: [[MapOutcome]] = []
            for start in stride(from: 0, to: documents.count, by: size) {
                outcomes += try await map(Array(documents[start..<min(start + size, documents.count)]))
            }
            return outcomes
        }
    }

    /// Throws when the functions cannot do with any of a few documents.
    private func probe(_ documents: [IndexableDocument], _ error: ScriptError) async throws {
        guard documents.count > Self.pieces else { return }
        // One after the other: others need script hosts, too.
        for place in [0, documents.count / 2, documents.count - 1] {
            do throws(ScriptError) {
                _ = try await scripts.map(functions, documents: [documents[place].json])
                return
            } catch {
                guard error.breaksLimit else { throw error }
            }
        }
        throw error
    }

    /// The document by one function after the other, so that the others' rows are not lost.
    private func single(_ document: IndexableDocument) async throws -> [MapOutcome] {
        var outcomes: [MapOutcome] = []
        for function in singles {
            do throws(ScriptError) {
                outcomes += try await scripts.map(function, document: document.json)
            } catch {
                guard error.breaksLimit else { throw error }
                outcomes.append(.failed(error))
            }
        }
        return outcomes
    }
}
