public import JSON

/// The documents that a query by selector found.
public struct FindResult: Hashable, Sendable {
    /// The documents, or of each the members that were asked for.
    public let documents: [JSONObject]
    /// Where the query stopped: another one with this `bookmark` goes on behind.
    public let bookmark: String
    /// What there is to say about the query, such as that an index would make it faster; nil for nothing.
    public let warning: String?
    /// How many rows of an index, or documents by id, were looked at.
    public let keysExamined: Int
    /// How many documents were read.
    public let documentsExamined: Int
}

extension FindResult {
    /// The documents as values of the application.
    ///
    /// - Throws: `DecodingError` when one of them is not what the type asks for.
    public func documents<Value: Decodable>(as type: Value.Type) throws -> [Value] {
        try documents.map { try JSONValue.object($0).decoded(as: type) }
    }
}

/// An index that queries by selector can use.
public struct IndexReceipt: Hashable, Sendable {
    /// The design document that has it.
    public let design: String
    /// Its name there.
    public let name: String
    /// Whether it was made; else it was there.
    public let isNew: Bool
}
