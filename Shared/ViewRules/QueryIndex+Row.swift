import Collation
import CouchProtocol
package import JSON
package import Mango

extension QueryIndex {
    /// The key of a document's row in the index: the values of its fields.
    ///
    /// - Returns: Nil when the document lacks a field or the filter does not let it in.
    package func key(of document: JSONValue) -> JSONValue? {
        if let partialFilter, !partialFilter.matches(document, collation: .unicode) { return nil }
        var values: [JSONValue] = []
        for column in columns {
            guard case .value(let found) = column.path.find(in: document) else { return nil }
            // The order in which selectors compare objects: that of the members as they were written is not kept.
            values.append(JSONCollation.unicode.ordered(found))
        }
        return .array(values)
    }

    /// What the rows of the index depend on: those of indexes with the same are the same.
    package var sources: [String] {
        [JSONValue.array(columns.map { .string($0.path.text) }).text, partialFilter?.json.text ?? ""]
    }
}
