import Compression
import CouchProtocol
import DocumentStore

/// Takes in the content of one attachment, and finds out on the way what a packed one unpacks to.
///
/// (CouchDB believes its clients. A content that does not unpack would break every answer that it is to be in later.)
struct IncomingContent {
    private let name: String
    private let limit: Int
    /// Nil for a content that is not packed.
    private let gunzip: Gunzip?
    private var upload: ContentUpload
    private var unpackedLength = 0

    /// How many bytes have arrived.
    var length: Int { upload.length }

    /// - Parameters:
    ///   - name: The attachment's name, for errors.
    ///   - encoding: How the content is packed (`gzip`); nil when it is not.
    ///   - limit: How many bytes it may have, as it comes and unpacked.
    ///   - companions: What else has arrived for the same document.
    init(
        to store: DocumentStore,
        name: String,
        encoding: String?,
        limit: Int,
        beside companions: [StoredContent] = []
    ) throws {
        self.name = name
        self.limit = limit
        gunzip = encoding == nil ? nil : try Gunzip()
        upload = ContentUpload(to: store, name: name, limit: limit, beside: companions)
    }

    /// Takes the next bytes.
    ///
    /// - Throws: `attachment_too_large` when they are more than the limit; `bad_request` when they do not unpack.
    mutating func append(_ bytes: some Collection<UInt8>) async throws {
        try unpack(bytes)
        try await upload.append(bytes)
    }

    /// The content, now that all of it is there, and how many bytes it has unpacked.
    ///
    /// - Parameter digest: What the client says that it is (`md5-…`); anything else is not compared.
    /// - Throws: `content_md5_mismatch` when it is another; `bad_request` when there is no end to unpack.
    mutating func finish(expecting digest: String?) async throws -> (content: StoredContent, unpackedLength: Int) {
        do {
            try gunzip?.finish()
        } catch {
            throw notPacked
        }
        let content = try await upload.finish(expecting: digest)
        return (content, gunzip == nil ? content.length : unpackedLength)
    }

    /// Forgets what has arrived, as far as that is possible.
    func abandon() async { await upload.abandon() }

    private mutating func unpack(_ bytes: some Collection<UInt8>) throws(CouchError) {
        guard let gunzip else { return }
        gunzip.append(Array(bytes)[...])
        do {
            while let piece = try gunzip.next() {
                unpackedLength += piece.count
                guard unpackedLength <= limit else { break }
            }
        } catch {
            throw notPacked
        }
        guard unpackedLength <= limit else { throw .attachmentTooLarge(name) }
    }

    private var notPacked: CouchError { .badRequest("The content of the attachment \(name) is not properly gzipped.") }
}
