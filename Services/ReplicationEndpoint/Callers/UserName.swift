import CouchProtocol

/// What a user and a group may be called.
enum UserName {
    /// As long as the tags of documents may be, in bytes.
    private static let longest = DocumentRules().tagLengthLimit

    /// Whether somebody can have that name: not empty, not too long, without control characters.
    static func isUsable(_ name: String) -> Bool {
        1...longest ~= name.utf8.count && !name.unicodeScalars.contains { $0.value < 0x20 || $0.value == 0x7F }
    }

    /// Refuses what nobody can be called.
    static func check(_ name: String, _ kind: String) throws(CouchError) {
        guard isUsable(name) else {
            throw .badRequest(
                "The name of a \(kind) has 1 to \(longest) bytes and no control characters."
            )
        }
    }
}

/// What passwords may be.
enum Password {
    /// In bytes; a longer one costs more to look at than it is worth.
    static let longest = 1_024
}
