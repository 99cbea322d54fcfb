import CouchProtocol
import Crypto
import Foundation
import GRDB
import Synchronization

// Contents of attachments that go and come in pieces, so that none of them is ever in memory as a whole.
extension SQLiteReplica {
    /// How many bytes a content may have that is read together with its document.
    private static let inlineLimit = 256 << 10

    /// Where the content of an attachment is read by another replica; nil for one that is small.
    func source(of attachment: StoredAttachment) -> AttachmentSource? {
        guard attachment.length > Self.inlineLimit else { return nil }
        return AttachmentSource { [self] in
            let progress = ContentProgress()
            return ReplicaStream { [self] in
                let place = progress.place
                guard let piece = try await read({ try $0.piece(place, of: attachment) }) else {
                    guard progress.length == attachment.length else {
                        throw TransportError("an attachment was replaced while it was read")
                    }
                    return nil
                }
                progress.take(piece)
                return piece
            }
        }
    }

    /// Takes in the contents that documents need and do not bring along.
    ///
    /// An error of the server's that may pass keeps no other document from being tried, so that one that fails each
    /// time hides no other one that does; it is thrown in the end.
    ///
    /// - Parameter all: Whether those are taken in, too, that the documents have here already.
    /// - Returns: What has come, and the documents of which something is too large for the device.
    func arrivals(
        of documents: [ReplicatedDocument],
        all: Bool = false
    ) async throws -> (arrivals: [AttachmentSource: Arrival], failures: [WriteFailure]) {
        var (arrivals, failures): ([AttachmentSource: Arrival], [WriteFailure]) = ([:], [])
        var passing: CouchError?
        for document in documents where document.attachments.contains(where: { $0.source != nil }) {
            do {
                let lacking = all ? document.attachments : try await read { try $0.lacking(of: document) }
                for attachment in lacking where attachment.content == nil {
                    guard let source = attachment.source else { continue }
                    arrivals[source] = try await arrive(source)
                }
            } catch let refusal as ContentRefusal {
                let revision = document.path.revision
                failures.append(WriteFailure(id: document.id, revision: revision, error: refusal.error))
            } catch let error as CouchError where error.mayBeOfOneContent && !Task.isCancelled {
                passing = passing ?? error
            } catch {
                await letGo(arrivals.values.map(\.coming))
                throw error
            }
        }
        if let passing {
            await letGo(arrivals.values.map(\.coming))
            throw passing
        }
        return (arrivals, failures)
    }

    /// Takes in a content, a piece in a transaction of its own; it is nobody's until a document adopts it.
    private func arrive(_ source: AttachmentSource) async throws -> Arrival {
        let coming = try await transaction { try $0.beginContent() }
        do {
            var (name, digest, length, place) = (SHA256(), Insecure.MD5(), 0, 0)
            var waiting = Data()
            let stream = try await opened(source)
            var isThere = true
            while isThere {
                if let piece = try await stream.next() { waiting += piece } else { isThere = false }
                while waiting.count >= ContentSource.pieceSize || !isThere && !waiting.isEmpty {
                    let piece = Data(waiting.prefix(ContentSource.pieceSize))
                    waiting = Data(waiting.dropFirst(ContentSource.pieceSize))
                    name.update(data: piece)
                    digest.update(data: piece)
                    length += piece.count
                    guard length <= limits.rules.attachmentSizeLimit else { throw ContentRefusal(error: .tooLarge) }
                    try await transaction { [place] in try $0.insert(piece, at: place, of: coming.number) }
                    place += 1
                }
            }
            let key = limits.vault.name(name.finalize())
            return Arrival(
                coming: coming,
                key: key,
                digest: AttachmentDigest.of(digest.finalize()),
                length: length
            )
        } catch {
            await letGo([coming])
            throw error
        }
    }

    /// Writes documents that adopt what has come; what they do not adopt goes.
    func adopting<Value>(
        _ arrivals: [AttachmentSource: Arrival],
        _ write: () async throws -> Value
    ) async throws -> Value {
        let contents = arrivals.values.map(\.coming)
        do {
            let value = try await write()
            await letGo(contents)
            return value
        } catch {
            await letGo(contents)
            throw error
        }
    }

    /// Does away with what has come and was adopted by no document, also when the task is being cancelled.
    ///
    /// What cannot be done away with now is when the database is opened later.
    func letGo(_ contents: [ComingContent]) async {
        guard !contents.isEmpty else { return }
        await Task { [self] in
            try? await transaction { writer in
                for content in contents { try writer.dropUnadopted(content) }
            }
        }.value
    }

    private func opened(_ source: AttachmentSource) async throws -> ReplicaStream<[UInt8]> {
        do {
            return try await source.open()
        } catch let error as CouchError where !RetryPolicy.mayPass(error) && error.status != 401 {
            throw ContentRefusal(error: error)
        }
    }

    /// Does away with contents that were coming when the process that took them in ended.
    static func sweepContents(_ pool: DatabasePool) throws {
        let coming = try pool.read { db in
            let rows = try Row.fetchAll(
                db,
                sql: "SELECT number, key FROM contents WHERE length(key) = ?",
                arguments: [Arrival.keySize]
            )
            return rows.map { row -> (number: Int64, key: Data) in (row[0], row[1]) }
        }
        let now = Date().timeIntervalSince1970
        let stale = coming.filter { Arrival.isOld($0.key, now: now) }
        guard !stale.isEmpty else { return }
        try pool.write { db in
            for (number, _) in stale {
                try db.execute(sql: "DELETE FROM contents WHERE number = ?", arguments: [number])
            }
        }
    }
}

/// How far a content has been read.
private final class ContentProgress: Sendable {
    private let state = Mutex((place: 0, length: 0))

    var place: Int { state.withLock { $0.place } }
    var length: Int { state.withLock { $0.length } }

    func take(_ piece: [UInt8]) {
        state.withLock { $0 = ($0.place + 1, $0.length + piece.count) }
    }
}

/// A content that can never come to the device, which is its document's failure and nobody else's.
private struct ContentRefusal: Error {
    let error: CouchError
}

extension CouchError {
    /// Whether a content could not be had for a reason that may pass, and that may lie with it: neither that there is
    /// no room or the file is in use, nor that the server has too much to do.
    var mayBeOfOneContent: Bool { RetryPolicy.mayPass(self) && !isStorageFull && !isOfBusyServer }
}

/// The row of `contents` of a content that is coming, and is no document's yet.
///
/// Numbers are given out again when their rows are gone, so it is known by its key, too.
struct ComingContent: Sendable {
    let number: Int64
    let key: Data
}

/// A content that has come to the device and is no document's yet.
struct Arrival: Sendable {
    let coming: ComingContent
    /// Under what it is kept when it is a document's.
    let key: Data
    /// As an attachment has it.
    let digest: String
    let length: Int

    /// How many bytes the key of a content has that is no document's: shorter than any digest.
    static let keySize = 16
    /// After how long nobody can be taking it in any more, in seconds.
    private static let life: Double = 24 * 60 * 60

    /// A key that says when it was made.
    static func newKey(now: Double) -> Data {
        var key = Data()
        for word in [UInt64(max(now, 0)), UInt64.random(in: .min ... .max)] {
            withUnsafeBytes(of: word.bigEndian) { key.append(contentsOf: $0) }
        }
        return key
    }

    /// Whether what has that key is to be done away with.
    static func isOld(_ key: Data, now: Double) -> Bool {
        let made = key.prefix(8).reduce(UInt64(0)) { $0 << 8 | UInt64($1) }
        return abs(now - Double(made)) > life
    }
}

extension StoreWriter {
    /// Makes room for a content that is coming.
    func beginContent() throws -> ComingContent {
        let statement = try db.cachedStatement(sql: "INSERT INTO contents (key, length) VALUES (?, 0)")
        let key = Arrival.newKey(now: Date().timeIntervalSince1970)
        try statement.execute(arguments: [key])
        return ComingContent(number: db.lastInsertedRowID, key: key)
    }

    /// Writes a piece of a content that is coming.
    func insert(_ piece: Data, at place: Int, of content: Int64) throws {
        let statement = try db.cachedStatement(sql: "INSERT INTO pieces (content, place, bytes) VALUES (?, ?, ?)")
        try statement.execute(arguments: [content, place, try limits.vault.sealed(piece)])
    }

    /// Does away with a content that is coming, unless it has become a document's.
    func dropUnadopted(_ content: ComingContent) throws {
        let statement = try db.cachedStatement(sql: "DELETE FROM contents WHERE number = ? AND key = ?")
        try statement.execute(arguments: [content.number, content.key])
    }

    /// Makes a content that has come a document's.
    ///
    /// - Returns: Its row, which is another one where the database has the same content already.
    func adopt(_ arrival: Arrival) throws -> Int64 {
        let known = try db.cachedStatement(sql: "SELECT number FROM contents WHERE key = ?")
        if let number = try Int64.fetchOne(known, arguments: [arrival.key]) {
            try dropUnadopted(arrival.coming)
            return number
        }
        let statement = try db.cachedStatement(
            sql: "UPDATE contents SET key = ?, length = ? WHERE number = ? AND key = ?"
        )
        try statement.execute(arguments: [arrival.key, arrival.length, arrival.coming.number, arrival.coming.key])
        guard db.changesCount == 1 else { throw TransportError("an attachment that has come is gone again") }
        return arrival.coming.number
    }
}

extension StoreReader {
    /// The attachments of a document that comes whose contents the database has not got.
    fileprivate func lacking(of incoming: ReplicatedDocument) throws -> [ReplicatedAttachment] {
        guard let document = try document(incoming.id) else { return incoming.attachments }
        guard !document.tree.contains(incoming.path.revision) else { return [] }
        let present = try originals(around: incoming.path, in: document)
        return incoming.attachments.filter { attachment in !present.contains { $0.isOriginal(of: attachment) } }
    }

    /// The attachments of the leaves, those on the path first.
    func originals(around path: RevisionPath, in document: StoredDocument) throws -> [OriginalAttachment] {
        let onPath = Set(path.revisions)
        let leaves = document.tree.leaves
        let ordered = leaves.filter { onPath.contains($0.id) } + leaves.filter { !onPath.contains($0.id) }
        return try ordered.flatMap { leaf -> [OriginalAttachment] in
            guard let body = leaf.payload else { return [] }
            let shared = document.tree.path(to: leaf.id)?.newest(of: onPath)?.generation ?? 0
            return try self.body(body).attachments.map { OriginalAttachment(attachment: $0, shared: shared) }
        }
    }
}

/// An attachment of a leaf that may be that of a revision which comes.
struct OriginalAttachment {
    let attachment: StoredAttachment
    /// The generation up to which the leaf and the revision have the same ancestors.
    let shared: Int

    /// Whether it is the same one: by what it holds, or because it came in an ancestor of both.
    func isOriginal(of incoming: ReplicatedAttachment) -> Bool {
        guard attachment.isNamed(incoming.name) else { return false }
        if !incoming.digest.isEmpty, attachment.digest == incoming.digest { return true }
        // A server that keeps an attachment compressed gives the digest of that; then its place tells.
        return attachment.revisionPosition == incoming.revisionPosition && incoming.revisionPosition <= shared
    }
}
