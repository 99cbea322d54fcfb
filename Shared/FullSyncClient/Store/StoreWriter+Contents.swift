import CouchProtocol
import Crypto
import Foundation
import GRDB

/// What an attachment holds, and where it is to be read from.
struct ContentSource: Sendable {
    /// How many bytes of an attachment are in one row.
    static let pieceSize = 256 << 10

    /// Gives the content from its beginning, piece by piece, each of ``pieceSize`` bytes but the last.
    let read: @Sendable (_ piece: (Data) throws -> Void) throws -> Void

    /// What is in memory.
    init(_ content: some Collection<UInt8> & Sendable) {
        read = { piece in
            var rest = Data(content)[...]
            while !rest.isEmpty {
                try piece(Data(rest.prefix(Self.pieceSize)))
                rest = rest.dropFirst(Self.pieceSize)
            }
        }
    }

    /// What is in a file, of which no more than a piece is in memory at a time.
    ///
    /// - Throws: Later, when the file cannot be read.
    init(_ file: URL) {
        read = { piece in
            let handle = try FileHandle(forReadingFrom: file)
            defer { try? handle.close() }
            while let bytes = try handle.read(upToCount: Self.pieceSize), !bytes.isEmpty { try piece(bytes) }
        }
    }
}

extension StoreWriter {
    /// A content in the database.
    struct StoredContent {
        /// The row of `contents`.
        let number: Int64
        /// As an attachment has it.
        let digest: String
        let length: Int
    }

    /// Stores what an attachment holds, unless it is there already.
    func insert(content: [UInt8]) throws -> Int64 {
        try insert(ContentSource(content)).number
    }

    /// Stores what an attachment holds, unless it is there already; it is read twice, first for its name.
    ///
    /// - Throws: `attachment_too_large`, and what the source throws.
    func insert(_ source: ContentSource) throws -> StoredContent {
        var (name, digest, length) = (SHA256(), Insecure.MD5(), 0)
        try source.read { piece in
            name.update(data: piece)
            digest.update(data: piece)
            length += piece.count
            guard length <= limits.rules.attachmentSizeLimit else { throw CouchError.tooLarge }
        }
        let key = limits.vault.name(name.finalize())
        let text = AttachmentDigest.of(digest.finalize())
        let known = try db.cachedStatement(sql: "SELECT number FROM contents WHERE key = ?")
        if let number = try Int64.fetchOne(known, arguments: [key]) {
            return StoredContent(number: number, digest: text, length: length)
        }
        let statement = try db.cachedStatement(sql: "INSERT INTO contents (key, length) VALUES (?, ?)")
        try statement.execute(arguments: [key, length])
        let number = db.lastInsertedRowID
        let insert = try db.cachedStatement(sql: "INSERT INTO pieces (content, place, bytes) VALUES (?, ?, ?)")
        var (place, written) = (0, 0)
        try source.read { piece in
            try insert.execute(arguments: [number, place, try limits.vault.sealed(piece)])
            place += 1
            written += piece.count
        }
        guard written == length else { throw CouchError.badRequest("The attachment changed while it was read.") }
        return StoredContent(number: number, digest: text, length: length)
    }
}
