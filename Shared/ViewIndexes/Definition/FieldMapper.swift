import Collation
import DocumentStore
import JSON
package import Mango
import ScriptHosting
import ViewRules

/// Makes the rows of Mango's indexes: the values of a document's fields, without JavaScript.
struct FieldMapper: DocumentMapper {
    let index: QueryIndex

    func map(_ documents: [IndexableDocument]) async throws -> [[MapOutcome]] {
        documents.map { [.rows(row($0).map { [$0] } ?? [])] }
    }

    private func row(_ document: IndexableDocument) -> MapRow? {
        // A document in the store was read before it got there.
        guard let value = try? JSONValue(parsing: document.json, limits: .unlimited), let key = index.key(of: value)
        else { return nil }
        return MapRow(key: key.bytes[...], value: Array("null".utf8)[...])
    }
}

extension QueryIndex {
    /// The index that is kept for this one, and for all that have the same fields and filter, whatever their names.
    package var definition: IndexDefinition {
        IndexDefinition(
            kind: "query",
            sources: sources,
            names: ["\(design)/\(name)"],
            order: .unicode,
            scope: IndexScope(),
            mapper: FieldMapper(index: self)
        )
    }
}
