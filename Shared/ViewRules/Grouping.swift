package import Collation

/// Which rows are reduced together: all, those with the same key, or those whose arrays begin alike.
package enum Grouping: Sendable, Hashable {
    case none
    case exact
    case level(Int)

    /// The bytes with which the collation keys of the key's group begin; those of a group that is one key are the key.
    package func prefix(of key: [UInt8], _ order: CollationKey.Order) -> [UInt8] {
        switch self {
        case .none: []
        case .exact: key
        case .level(let count): Array(key.prefix(CollationKey.length(ofFirst: count, in: key, order: order)))
        }
    }

    /// The key that the group is shown with.
    ///
    /// - Parameter json: The key of one of its rows.
    package func key(of json: [UInt8], _ order: CollationKey.Order) -> [UInt8] {
        switch self {
        case .none: return Array("null".utf8)
        case .exact: return json
        case .level(let count):
            guard let prefix = try? CollationKey.prefix(ofFirst: count, in: json[...], order: order), !prefix.isWhole
            else { return json }
            return json.prefix(prefix.textLength) + [UInt8(ascii: "]")]
        }
    }
}
