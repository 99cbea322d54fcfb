import Crypto
import JSON

/// The name of a replication, under which both sides keep its checkpoint.
///
/// The same source, target and filter give the same name, whoever runs it and whenever. Each program names its
/// replications in its own way; a CouchDB or PouchDB on the other side only stores the name.
package enum ReplicationID {
    /// The version of this computation, written into checkpoints.
    package static let version = 1

    /// The name: 32 hexadecimal digits.
    ///
    /// - Parameters:
    ///   - source: The source's ``Replica/identity``.
    ///   - target: The target's ``Replica/identity``.
    ///   - filter: Which documents it is about.
    package static func compute(source: String, target: String, filter: ReplicationFilter) -> String {
        let parts: JSONValue = [
            "fullsync", .number(JSONNumber(version)), .string(source), .string(target), filter.identity,
        ]
        return RevisionHash(digest: Insecure.MD5.hash(data: parts.canonicalBytes)).description
    }
}
