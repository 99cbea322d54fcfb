import CouchProtocol
import JSON
import NIOCore

/// A server that is never the limit: its documents are made when they are asked for, and read from JSON as those of an
/// answer are.
struct DeviceFeed: Replica {
    let count: Int

    var identity: String { "bench" }

    func info() async throws -> ReplicaInfo {
        ReplicaInfo(documentCount: count, deletedCount: 0, updateSequence: UpdateSequence(count))
    }

    func changes(_ request: ChangesRequest) async throws -> ChangesPage {
        let first = request.since.json.intValue ?? 0
        let end = min(first + request.limit, count)
        let rows = (first..<max(first, end)).map { number in
            ChangeRow(
                sequence: UpdateSequence(number + 1),
                id: DocumentID(stored: BenchDocuments.id(number)),
                revisions: [Self.revision(number)]
            )
        }
        return ChangesPage(rows: rows, lastSequence: UpdateSequence(end), pending: count - end)
    }

    func fetch(_ requests: [FetchRequest]) async throws -> [FetchOutcome] {
        try requests.map { request in
            guard let number = Int(request.id.text.dropFirst("bench-".count)) else { throw CouchError.missing }
            return .document(try Self.document(number))
        }
    }

    func revisionsDifference(_ revisions: [DocumentRevisions]) async throws -> [MissingRevisions] { [] }
    func write(_ documents: [ReplicatedDocument]) async throws -> [WriteFailure] { [] }
    func localDocument(_ name: String) async throws -> LocalDocument? { nil }
    func putLocalDocument(_ name: String, _ document: LocalDocument) async throws -> String { "0-1" }

    private static func revision(_ number: Int) -> RevisionID {
        RevisionID(generation: 1, hash: RevisionHash.digest(UInt64(number), 1))
    }

    /// The document of that number, parsed from the text that a server sends.
    private static func document(_ number: Int) throws -> ReplicatedDocument {
        let revision = revision(number)
        var text = Array(
            #"{"_id":"\#(BenchDocuments.id(number))","_rev":"\#(revision)","_revisions":{"start":1,"ids":["#.utf8
        )
        text += Array(#""\#(revision.hash)"]},"n":\#(number),"type":"bench","text":""#.utf8)
        let start = number * 7 % (letters.count - textLength)
        text += letters[start..<start + textLength]
        text += Array(#""}"#.utf8)
        return try ReplicatedDocument(try IncomingDocument(parsing: text))
    }

    private static let textLength = 904

    /// What the texts of documents are cut from, which costs less than to make them.
    private static let letters: [UInt8] = {
        var text = ByteBuffer()
        for number in 0..<9 { BenchDocuments(count: 1).write(number, to: &text, withID: false) }
        return text.readableBytesView.filter { 0x61...0x7A ~= $0 || $0 == 0x20 }
    }()
}
