package import Collation

/// The longest collation key of a row: a document with a longer one has no rows in that view.
package enum RowKey {
    package static let limit = 256 << 10
}

extension CollationKey.Failure {
    /// What is wrong, behind "a key".
    package var words: String {
        switch self {
        case .malformed: "is no JSON"
        case .tooDeep: "is nested too deep"
        case .tooLong: "is longer than \(RowKey.limit) bytes in the order of the index"
        }
    }
}
