import CouchProtocol
import Foundation
import GRDB
import JSON
import Mango

/// Brings the indexes of one database up to date, each by one task at a time, and remembers design documents by their
/// revisions.
actor IndexKeeper {
    nonisolated let scripts = DeviceScripts()
    private var running: [[UInt8]: Task<Void, any Error>] = [:]
    private var failures: [[UInt8]: Failure] = [:]
    private var designs: [DocumentID: DeviceDesign] = [:]

    /// A function that could not be run, which nobody tries again for a while.
    private struct Failure {
        let error: CouchError
        let until: ContinuousClock.Instant
    }

    private static let pause = Duration.seconds(60)

    /// Brings an index up to the newest change that there is now.
    func bringUpToDate(_ index: DeviceIndex, in replica: SQLiteReplica) async throws {
        let signature = index.definition.signature
        let end = try await replica.read { try $0.lastSequence() }
        while try await replica.position(of: index) < end {
            if let failure = failures[signature] {
                guard failure.until < .now else { throw failure.error }
                failures[signature] = nil
            }
            let task =
                running[signature]
                ?? Task {
                    defer { running[signature] = nil }
                    try await Self.update(index, in: replica, through: end)
                }
            running[signature] = task
            do {
                try await task.value
            } catch let error as CouchError where ["timeout", "compilation_error"].contains(error.error) {
                failures[signature] = Failure(error: error, until: .now + Self.pause)
                throw error
            }
        }
    }

    /// Reads and maps each page while the one before is written.
    private static func update(_ index: DeviceIndex, in replica: SQLiteReplica, through end: Int) async throws {
        var page = try await replica.indexPage(index, since: try await replica.position(of: index), through: end)
        while true {
            let present = page
            async let ahead =
                present.isLast
                ? nil : replica.indexPage(index, since: present.through, through: end)
            let isWritten = try await replica.write(present, to: index)
            guard let next = try await ahead, isWritten else { return }
            page = next
        }
    }

    /// A design document as it is now; nil when there is none.
    func design(_ id: DocumentID, in replica: SQLiteReplica) async throws -> DeviceDesign? {
        let known = designs[id]
        let found = try await replica.read { [rules = replica.rules] reader in
            try reader.design(id, known: known, rules)
        }
        designs[id] = found
        return found
    }

    /// All design documents.
    func designs(in replica: SQLiteReplica) async throws -> [DeviceDesign] {
        let known = designs
        let found = try await replica.read { [rules = replica.rules] reader in
            try reader.designs(known: known, rules)
        }
        designs = Dictionary(uniqueKeysWithValues: found.map { ($0.id, $0) })
        return found
    }
}

extension StoreReader {
    /// All design documents.
    ///
    /// - Parameter known: Those that need not be read again when they have not changed.
    func designs(known: [DocumentID: DeviceDesign], _ rules: DocumentRules) throws -> [DeviceDesign] {
        let ids = try String.fetchAll(
            db,
            sql: "SELECT id FROM documents WHERE id >= '_design/' AND id < '_design0' AND NOT is_deleted"
        )
        return try ids.compactMap { text in
            let id = DocumentID(stored: text)
            return try design(id, known: known[id], rules)
        }
    }

    fileprivate func design(
        _ id: DocumentID,
        known: DeviceDesign?,
        _ rules: DocumentRules
    ) throws -> DeviceDesign? {
        guard let winner = try document(id)?.present else { return nil }
        if let known, known.revision == winner.id { return known }
        let document = try json(id, rules: rules).flatMap { try JSONValue(parsing: $0, limits: .unlimited).objectValue }
        return DeviceDesign(id, winner.id, document ?? [:])
    }
}
