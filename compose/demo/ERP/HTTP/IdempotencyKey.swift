import HTTPTypes

/// What a caller names a request by, so that sending it twice does it once
/// (draft-ietf-httpapi-idempotency-key-header).
struct IdempotencyKey: Hashable {
    private static let header = "idempotency-key"
    private static let maximumLength = 200

    let text: String

    /// The key that the header fields have; nil when they have none.
    init?(_ fields: HTTPFields) throws {
        guard let field = fields.first(where: { $0.name.canonicalName == Self.header }) else { return nil }
        guard !field.value.isEmpty, field.value.utf8.count <= Self.maximumLength else {
            throw APIError.invalid(
                member: "Idempotency-Key",
                reason: "expected 1 to \(Self.maximumLength) characters"
            )
        }
        text = field.value
    }
}
