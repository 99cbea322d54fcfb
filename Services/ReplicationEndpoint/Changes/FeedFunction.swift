import CouchProtocol
import DesignFunctions
import ScriptHosting

/// A function of a design document that decides which changes a feed lets through, as it was when the feed began.
struct FeedFunction: Sendable {
    /// How it decides.
    enum Kind: Sendable {
        /// A filter, whose second argument is that JSON text.
        case filter(request: [UInt8])
        /// The map of a view: what it emits something for passes.
        case view
    }

    let functions: ScriptFunctions
    let kind: Kind
    let scripts: ScriptHostPool

    /// How many documents, and how many bytes of them, a host is given at once.
    private static let batchLimit = 1_000
    private static let batchBytes = 8 << 20

    /// Whether each of the documents, JSON texts, passes.
    ///
    /// - Throws: Why the function gave no answer. As in CouchDB that ends the feed: to leave the document out would be
    ///   to lose it.
    func passes(_ documents: [[UInt8]]) async throws -> [Bool] {
        var passes: [Bool] = []
        var rest = documents[...]
        while !rest.isEmpty {
            var batch: [[UInt8]] = []
            var bytes = 0
            while let next = rest.first, batch.isEmpty || bytes + next.count <= Self.batchBytes,
                batch.count < Self.batchLimit
            {
                batch.append(next)
                bytes += next.count
                rest.removeFirst()
            }
            do throws(ScriptError) {
                passes += try await ask(batch)
            } catch {
                throw CouchError(error)
            }
        }
        return passes
    }

    private func ask(_ documents: [[UInt8]]) async throws(ScriptError) -> [Bool] {
        switch kind {
        case .filter(let request):
            try await scripts.filter(functions, documents: documents, request: request)
                .map { outcome throws(ScriptError) in
                    switch outcome {
                    case .passes: true
                    case .doesNotPass: false
                    case .failed(let error): throw error
                    }
                }
        case .view:
            try await scripts.map(functions, documents: documents).map { outcomes throws(ScriptError) in
                switch outcomes[0] {
                case .rows(let rows): !rows.isEmpty
                case .failed(let error): throw error
                }
            }
        }
    }
}
