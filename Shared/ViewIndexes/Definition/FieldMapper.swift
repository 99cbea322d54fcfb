import Collation
import CouchProtocol
import DocumentStore
import JSON
package import Mango
import ScriptHosting

/// Makes the rows of Mango's indexes: the values of a document's fields, without JavaScript.
struct FieldMapper: DocumentMapper {
    let columns: [FieldPath]
    let filter: Selector?

    func map(_ documents: [IndexableDocument]) async throws -> [[MapOutcome]] {
        documents.map { [.rows(row($0).map { [$0] } ?? [])] }
    }

    /// The row of a document; nil when it lacks a field or the filter does not let it in.
    private func row(_ document: IndexableDocument) -> MapRow? {
        // A document in the store was read before it got there.
        guard let value = try? JSONValue(parsing: document.json, limits: .unlimited) else { return nil }
        if let filter, !filter.matches(value, collation: .unicode) { return nil }
        var values: [JSONValue] = []
        for path in columns {
            guard case .value(let found) = path.find(in: value) else { return nil }
            // The order in which selectors compare objects: that of the members as they were written is not kept.
            values.append(JSONCollation.unicode.ordered(found))
        }
        return MapRow(key: JSONValue.array(values).bytes[...], value: Array("null".utf8)[...])
    }
}

extension QueryIndex {
    /// The index that is kept for this one, and for all that have the same fields and filter, whatever their names.
    package var definition: IndexDefinition {
        IndexDefinition(
            kind: "query",
            sources: [JSONValue.array(columns.map { .string($0.path.text) }).text, partialFilter?.json.text ?? ""],
            names: ["\(design)/\(name)"],
            order: .unicode,
            scope: IndexScope(),
            mapper: FieldMapper(columns: columns.map(\.path), filter: partialFilter)
        )
    }
}
