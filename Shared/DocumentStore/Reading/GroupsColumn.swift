import JSON

extension DocumentStore {
    /// The groups that the column `groups` holds.
    static func groups(_ text: String) throws -> [String] {
        // Nearly every document has the same few lists, and most have none.
        guard text != "[]" else { return [] }
        return try JSONValue(parsing: text).arrayValue?.compactMap(\.stringValue) ?? []
    }
}
