import CouchProtocol
import JSON
import Synchronization

/// How often servers failed with single documents, so far.
///
/// That stands in a local document, by what they were asked to do and by servers.
extension SQLiteReplica {
    private static let troublesName = "fullsync-troubles"

    /// What a server fails with, the same for all syncs while the file is open.
    func troubles(_ kind: Troubles.Kind, with server: String) -> Troubles {
        knownTroubles.withLock { known in
            let member = Self.member(kind, server)
            if let present = known[member] { return present }
            let made = Troubles(kind, of: server, in: self)
            known[member] = made
            return made
        }
    }

    func troubles(_ kind: Troubles.Kind, of server: String) async throws -> Troubles.Counts {
        let member = Self.member(kind, server)
        return try await read { reader in
            let known = try reader.localDocument(Self.troublesName)?.body[member]?.objectValue ?? [:]
            var counts: Troubles.Counts = [:]
            for (id, revisions) in known {
                for (name, value) in revisions.objectValue ?? [:] {
                    let numbers = (value.arrayValue ?? []).compactMap(\.intValue)
                    guard numbers.count >= 2, let revision = try? RevisionID(parsing: name) else { continue }
                    var count = Troubles.Count(proven: numbers[0], unproven: numbers[1])
                    // Written by a version that noted no time, it has failed now.
                    if numbers.count > 2 { count.last = numbers[2] }
                    counts[DocumentID(stored: id), default: [:]][revision] = count
                }
            }
            return counts
        }
    }

    func note(_ counts: Troubles.Counts, of kind: Troubles.Kind, with server: String) async throws {
        let member = Self.member(kind, server)
        let known = JSONObject(counts.map { id, revisions in (id.text, Self.json(revisions)) })
        try await transaction { writer in
            let present = try writer.reader.localDocument(Self.troublesName)
            var body = present?.body ?? [:]
            body[member] = known.isEmpty ? nil : .object(known)
            let revision = present.map { "0-\($0.revision)" }
            _ = try Self.put(Self.troublesName, LocalDocument(revision: revision, body: body), in: writer.db)
        }
    }

    private static func json(_ revisions: [RevisionID: Troubles.Count]) -> JSONValue {
        let members = revisions.map { revision, count -> (String, JSONValue) in
            let numbers = [count.proven, count.unproven, count.last].map { JSONValue.number(JSONNumber($0)) }
            return (revision.description, .array(numbers))
        }
        return .object(JSONObject(members))
    }

    private static func member(_ kind: Troubles.Kind, _ server: String) -> String { "\(kind.rawValue) \(server)" }
}
