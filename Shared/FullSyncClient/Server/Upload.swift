import CouchProtocol
import NIOCore
import Synchronization

/// What a request brings: a text, or a document and behind it the contents of its attachments.
struct RequestBody: Sendable {
    enum Part: Sendable {
        case bytes([UInt8])
        /// What is read while it is sent.
        case content(AttachmentSource)
    }

    let contentType: String
    let parts: [Part]
    /// How many bytes it has.
    let length: Int

    /// How many bytes are sent as a whole.
    static let pieceSize = 64 << 10

    /// A JSON text.
    static func json(_ text: [UInt8]) -> RequestBody {
        RequestBody(contentType: "application/json", parts: [.bytes(text)], length: text.count)
    }

    /// The text, when it is small enough to be sent as a whole.
    var atOnce: [UInt8]? {
        guard length <= Self.pieceSize, parts.count == 1, case .bytes(let bytes) = parts[0] else { return nil }
        return bytes
    }
}

extension RequestBody {
    /// A document whose attachments follow it, as far as they have a source (`multipart/related`).
    init(_ document: ReplicatedDocument, rules: DocumentRules, boundary: String) {
        let writer = MultipartWriter(boundary: boundary)
        var outgoing = OutgoingDocument(document)
        var following: [(OutgoingAttachment, AttachmentSource)] = []
        for (place, attachment) in document.attachments.enumerated() {
            guard attachment.content == nil, let source = attachment.source else { continue }
            outgoing.attachments[place].content = .follows
            following.append((outgoing.attachments[place], source))
        }
        var text: [UInt8] = []
        outgoing.write(to: &text, rules: rules)
        var parts: [Part] = [.bytes(writer.documentHead + text)]
        for (attachment, source) in following { parts += [.bytes(writer.head(of: attachment)), .content(source)] }
        parts.append(.bytes(writer.end))
        let length = writer.length(document: text.count, attachments: following.map(\.0))
        self.init(contentType: writer.relatedType, parts: parts, length: length)
    }
}

/// A request's body on its way: it may take as long as it takes, but not stand still.
///
/// The pieces are small, so that the connection asks for one after the other as the network takes them; what is given
/// to it as a whole counts as sent at once, and the wait for the answer begins while it is under way.
struct Upload: AsyncSequence, Sendable {
    private let body: RequestBody
    /// How long the next piece may wait to be taken.
    private let silence: Duration
    private let standing = Standing()

    /// How far it has come.
    fileprivate final class Standing: Sendable {
        /// When a piece was taken last; nil when there is none left.
        let last = Mutex<ContinuousClock.Instant?>(.now)
    }

    init(_ body: RequestBody, silence: Duration = .seconds(90)) {
        self.body = body
        self.silence = silence
    }

    func makeAsyncIterator() -> Iterator { Iterator(parts: body.parts[...], standing: standing) }

    struct Iterator: AsyncIteratorProtocol {
        fileprivate var parts: ArraySlice<RequestBody.Part>
        fileprivate let standing: Standing
        /// What is left of the bytes that are at hand.
        private var rest: ArraySlice<UInt8> = []
        /// The content that is being read.
        private var content: ReplicaStream<[UInt8]>?

        fileprivate init(parts: ArraySlice<RequestBody.Part>, standing: Standing) {
            self.parts = parts
            self.standing = standing
        }

        mutating func next() async throws -> ByteBuffer? {
            standing.last.withLock { $0 = .now }
            while rest.isEmpty {
                guard let more = try await more() else {
                    standing.last.withLock { $0 = nil }
                    return nil
                }
                rest = more[...]
            }
            defer { rest = rest.dropFirst(RequestBody.pieceSize) }
            return ByteBuffer(bytes: rest.prefix(RequestBody.pieceSize))
        }

        /// The next bytes, which may be none; nil behind the last part.
        private mutating func more() async throws -> [UInt8]? {
            if let piece = try await content?.next() { return piece }
            content = nil
            switch parts.popFirst() {
            case nil: return nil
            case .bytes(let bytes): return bytes
            case .content(let source):
                content = try await source.open()
                return []
            }
        }
    }

    /// Sends it, and breaks that off when it stands still.
    ///
    /// - Throws: ``TransportError`` when no piece was taken for too long.
    func watched<Answer: Sendable>(_ send: @escaping @Sendable () async throws -> Answer) async throws -> Answer {
        guard body.atOnce == nil else { return try await send() }
        return try await withThrowingTaskGroup(of: Answer?.self) { group in
            defer { group.cancelAll() }
            group.addTask { try await send() }
            group.addTask {
                try await waitWhileItMoves()
                return nil
            }
            while let next = try await group.next() {
                if let next { return next }
            }
            preconditionFailure("an upload that ends without an answer")
        }
    }

    private func waitWhileItMoves() async throws {
        standing.last.withLock { if $0 != nil { $0 = .now } }
        while let last = standing.last.withLock({ $0 }) {
            guard last + silence > .now else { throw TransportError("the server takes nothing more of the request") }
            try await Task.sleep(until: last + silence)
        }
    }
}
