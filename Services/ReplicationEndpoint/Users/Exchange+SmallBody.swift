import CouchProtocol
import Hummingbird
import JSON

extension Exchange {
    private static let smallJSON = {
        var limits = JSONLimits()
        limits.depth = 16
        // Of two names one would be looked at here and the other one elsewhere.
        limits.refusesDuplicateMembers = true
        return limits
    }()

    /// The body of a request that decides access, which is small.
    func smallBody() async throws -> [UInt8] {
        try await body(limit: limits.accessBody)
    }

    /// The JSON object of a request that decides access: small, and without two members of one name.
    func smallObject() async throws -> JSONObject {
        let bytes = try await smallBody()
        guard !bytes.isEmpty else { return [:] }
        let value: JSONValue
        do {
            value = try JSONValue(parsing: bytes, limits: Self.smallJSON)
        } catch {
            throw CouchError.badRequest("invalid UTF-8 JSON: \(error)")
        }
        guard let object = value.objectValue else { throw CouchError.badRequest("Request body must be a JSON object") }
        return object
    }

    /// How many rows of a list are asked for.
    func pageLimit() throws(CouchError) -> Int {
        let limit = try query.count("limit") ?? 100
        guard 1...1_000 ~= limit else { throw .queryParseError("The limit of a list is 1 to 1000.") }
        return limit
    }
}
