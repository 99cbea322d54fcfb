import CouchProtocol
import NIOCore
import Synchronization

/// A request's body on its way: it may take as long as it takes, but not stand still.
///
/// The pieces are small, so that the connection asks for one after the other as the network takes them; what is given
/// to it as a whole counts as sent at once, and the wait for the answer begins while it is under way.
struct Upload: AsyncSequence, Sendable {
    /// How many bytes a piece has.
    private static let pieceSize = 64 << 10

    private let bytes: [UInt8]
    /// How long the next piece may wait to be taken.
    private let silence: Duration
    private let standing = Standing()

    /// How far it has come.
    fileprivate final class Standing: Sendable {
        /// When a piece was taken last; nil when there is none left.
        let last = Mutex<ContinuousClock.Instant?>(.now)
    }

    init(_ bytes: [UInt8], silence: Duration = .seconds(90)) {
        self.bytes = bytes
        self.silence = silence
    }

    /// Whether it is more than one piece.
    var hasPieces: Bool { bytes.count > Self.pieceSize }

    func makeAsyncIterator() -> Iterator { Iterator(rest: bytes[...], standing: standing) }

    struct Iterator: AsyncIteratorProtocol {
        fileprivate var rest: ArraySlice<UInt8>
        fileprivate let standing: Standing

        mutating func next() async -> ByteBuffer? {
            standing.last.withLock { $0 = rest.isEmpty ? nil : .now }
            guard !rest.isEmpty else { return nil }
            defer { rest = rest.dropFirst(pieceSize) }
            return ByteBuffer(bytes: rest.prefix(pieceSize))
        }
    }

    /// Sends it, and breaks that off when it stands still.
    ///
    /// - Throws: ``TransportError`` when no piece was taken for too long.
    func watched<Answer: Sendable>(_ send: @escaping @Sendable () async throws -> Answer) async throws -> Answer {
        guard hasPieces else { return try await send() }
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
