import CouchProtocol

/// Why a server did not do what it was asked.
public struct FullSyncError: Error, Hashable, Sendable, CustomStringConvertible {
    /// The HTTP status of the server's answer; nil when there was none, and the server can be tried again later.
    public let status: Int?
    /// The error's name, such as `unauthorized`, or `unreachable` when there was no answer.
    public let error: String
    /// The words for people.
    public let reason: String

    public var description: String { "\(error): \(reason)" }

    init(_ error: CouchError) {
        status = error.status
        self.error = error.error
        reason = error.reason
    }

    private init(_ error: TransportError) {
        status = nil
        self.error = "unreachable"
        reason = error.reason
    }

    /// Carries out something and tells its errors in the words of applications.
    static func translating<Value>(_ body: () async throws -> Value) async throws -> Value {
        do {
            return try await body()
        } catch let error as CouchError {
            throw FullSyncError(error)
        } catch let error as TransportError {
            throw FullSyncError(error)
        }
    }
}
