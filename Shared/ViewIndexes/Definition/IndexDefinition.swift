package import Collation
import Crypto
package import DocumentStore
import Foundation

/// All that decides about the rows of an index.
///
/// What makes the rows is a ``DocumentMapper``: JavaScript for views, and the same storage, order, rights and freshness
/// serve any other.
package struct IndexDefinition: Sendable {
    /// Indexes of one database with the same signature are one.
    package let signature: [UInt8]
    /// What errors call each of the views, in their order.
    package let names: [String]
    package let order: CollationKey.Order
    package let scope: IndexScope
    package let mapper: any DocumentMapper

    /// A definition of these parts.
    ///
    /// - Parameters:
    ///   - kind: What the mapper is, such as `javascript`.
    ///   - sources: Whatever the rows depend on besides the order and the scope, in an order of its own.
    ///   - names: What errors call each of the views.
    package init(
        kind: String,
        sources: [String],
        names: [String],
        order: CollationKey.Order,
        scope: IndexScope,
        mapper: any DocumentMapper
    ) {
        self.names = names
        self.order = order
        self.scope = scope
        self.mapper = mapper
        // Another ICU makes other keys, and an index is made anew for it.
        let facts = [
            Self.format, kind, order.rawValue, String(Collator.root.version), String(scope.includesDesigns),
            String(scope.showsSequence),
        ]
        var hash = SHA256()
        for text in facts + sources {
            hash.update(data: Data("\(text.utf8.count):".utf8))
            hash.update(data: Data(text.utf8))
        }
        signature = Array(hash.finalize())
    }

    /// Changes when the rows of the same functions become others.
    private static let format = "1"
}
