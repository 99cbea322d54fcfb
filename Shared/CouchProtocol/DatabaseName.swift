/// The name of a database: `^[a-z][a-z0-9_$()+/-]*$`, or one of CouchDB's own (`_users`, `_replicator`,
/// `_global_changes`).
package struct DatabaseName: Hashable, Sendable, CustomStringConvertible {
    /// How many characters a name may have: CouchDB's limit for a part of it between slashes, taken for the whole.
    package static let lengthLimit = 238

    private static let systemNames: Set<String> = ["_users", "_replicator", "_global_changes"]

    /// The name as clients write it.
    package let text: String

    /// A name that comes from a client.
    package init(_ text: String) throws(CouchError) {
        guard Self.isValid(text) || Self.systemNames.contains(text) else { throw .illegalDatabaseName(text) }
        guard text.utf8.count <= Self.lengthLimit else { throw .databaseNameTooLong(text) }
        self.text = text
    }

    /// Whether CouchDB reserves the name for itself.
    package var isSystem: Bool { Self.systemNames.contains(text) }

    package var description: String { text }

    private static func isValid(_ text: String) -> Bool {
        guard let first = text.utf8.first, 0x61...0x7A ~= first else { return false }
        return text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "_"),
                UInt8(ascii: "$"), UInt8(ascii: "("), UInt8(ascii: ")"), UInt8(ascii: "+"), UInt8(ascii: "-"),
                UInt8(ascii: "/"):
                true
            default: false
            }
        }
    }
}
