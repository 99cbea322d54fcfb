package import DocumentStore
package import ScriptHosting

/// What makes an index's rows of documents: the functions of a design document, or whatever else knows how.
package protocol DocumentMapper: Sendable {
    /// The rows of each document for each view of the index, or why there are none.
    ///
    /// A document that cannot be mapped is an outcome of its own; what is thrown stops the index where it is.
    func map(_ documents: [IndexableDocument]) async throws -> [[MapOutcome]]
}
