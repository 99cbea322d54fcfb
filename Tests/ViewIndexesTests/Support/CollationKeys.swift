import Collation

enum CollationKeys {
    /// The collation key of a JSON text.
    static func of(_ json: String) throws -> [UInt8] { try CollationKey(Array(json.utf8)[...]).bytes }
}
