import CouchProtocol
import Crypto
import Foundation
import GRDB
import JSON

/// How a sequence call may be answered from the device (`__localCache`).
struct CachePolicy: Hashable, Sendable {
    enum Priority: String, Hashable, Sendable {
        /// The device's answer comes first, while it is not too old.
        case local
        /// The server is asked first; the device answers when it cannot be reached.
        case server
    }

    var priority: Priority
    /// How old an answer may be; nil for any age.
    var lifetime: Duration?

    /// The policy that a call's parameter says; nil when there is none, or it is switched off.
    init?(_ value: JSONValue?) throws(CouchError) {
        guard let value, !value.isNull, value["enabled"] != false else { return nil }
        guard value.objectValue != nil else { throw .badRequest("The parameter `__localCache` must be an object.") }
        let name = value["priority"]?.stringValue?.lowercased() ?? "server"
        guard let priority = Priority(rawValue: name) else {
            throw .badRequest("The `priority` of `__localCache` must be local or server.")
        }
        self.priority = priority
        let milliseconds = value["ttl"]?.intValue ?? -1
        lifetime = milliseconds < 0 ? nil : .milliseconds(milliseconds)
    }
}

/// Answers of the server's sequences that one user has got, in a database of their own.
struct AnswerCache: Sendable {
    let store: SQLiteReplica
    /// The seconds since 1970.
    var now: @Sendable () -> Int = { Int(Date().timeIntervalSince1970) }

    /// The most answers that are kept; the oldest go first.
    private static let capacity = 10_000

    /// Names a call by its sequence and its variables.
    ///
    /// Variables that are for the call itself do not count. In an encrypted database the name says nothing of the call.
    func key(_ project: String, _ sequence: String, _ variables: JSONObject) -> Data {
        let own = JSONObject(variables.filter { !$0.0.hasPrefix("__") })
        let call: JSONValue = [.string(project), .string(sequence), .object(own)]
        return store.limits.vault.name(SHA256.hash(data: call.canonicalBytes))
    }

    /// The answer to a call that is not too old; nil when there is none.
    func answer(_ key: Data, _ policy: CachePolicy) async throws -> JSONValue? {
        // One that was made later than now was made when the clock was ahead, and how old it is nobody knows.
        let now = now()
        let (oldest, newest) = policy.lifetime.map { (now - Int($0.components.seconds), now) } ?? (.min, .max)
        return try await store.read { reader in
            let row = try Row.fetchOne(
                reader.db,
                sql: "SELECT answer FROM cached_answers WHERE key = ? AND made BETWEEN ? AND ?",
                arguments: [key, oldest, newest]
            )
            return try row.map { try JSONValue(parsing: try reader.vault.opened($0[0]), limits: .unlimited) }
        }
    }

    /// Keeps an answer.
    func keep(_ answer: JSONValue, for key: Data) async throws {
        let made = now()
        try await store.transaction { writer in
            try writer.db.execute(
                sql: "INSERT OR REPLACE INTO cached_answers (key, answer, made) VALUES (?, ?, ?)",
                arguments: [key, try writer.limits.vault.sealed(answer.bytes), made]
            )
            try writer.db.execute(
                sql: """
                    DELETE FROM cached_answers WHERE key IN
                        (SELECT key FROM cached_answers ORDER BY made DESC LIMIT -1 OFFSET ?)
                    """,
                arguments: [Self.capacity]
            )
        }
    }
}
