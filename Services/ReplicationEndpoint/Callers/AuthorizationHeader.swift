import CouchProtocol
import Foundation
import HTTPTypes

/// What the `Authorization` of a request says.
enum AuthorizationHeader: Hashable, Sendable {
    case basic(name: String, password: String)
    case bearer(String)

    private static let longest = 16_384

    /// - Returns: Nil when the request has none.
    /// - Throws: When there is one that says nothing, or more than one.
    static func read(_ headers: HTTPFields) throws(CouchError) -> AuthorizationHeader? {
        let values = headers[values: .authorization]
        guard let value = values.first else { return nil }
        guard values.count == 1 else { throw .badRequest("There is more than one Authorization header.") }
        guard value.utf8.count <= longest else { throw .unauthorized("The Authorization header is too long.") }
        let parts = value.split(separator: " ", maxSplits: 1)
        guard parts.count == 2 else { throw notUnderstood }
        let content = parts[1].trimmingCharacters(in: .whitespaces)
        switch parts[0].lowercased() {
        case "basic":
            guard let data = Data(base64Encoded: content), let text = String(validating: data, as: UTF8.self),
                let colon = text.utf8.firstIndex(of: UInt8(ascii: ":"))
            else { throw notUnderstood }
            return .basic(name: String(text[..<colon]), password: String(text[text.index(after: colon)...]))
        case "bearer": return .bearer(content)
        default: throw notUnderstood
        }
    }

    private static let notUnderstood = CouchError.unauthorized(
        "The Authorization header is not understood: it must be Basic or Bearer."
    )
}
