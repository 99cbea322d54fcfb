/// What a replica gives piece by piece, no faster than it is taken: pages of changes, or pieces of an attachment.
package final class ReplicaStream<Element: Sendable>: Sendable {
    private let read: @Sendable () async throws -> Element?
    private let close: @Sendable () -> Void

    /// - Parameters:
    ///   - next: Reads the next piece; nil behind the last.
    ///   - close: Lets go of what is still to come; is called once, when nobody reads any more.
    package init(
        next: @escaping @Sendable () async throws -> Element?,
        close: @escaping @Sendable () -> Void = {}
    ) {
        read = next
        self.close = close
    }

    deinit { close() }

    /// The next piece; nil behind the last.
    package func next() async throws -> Element? { try await read() }
}

/// The changes behind a place, page by page; the last page alone says how many changes are pending
/// (``ChangesPage/pending``).
package typealias ChangesStream = ReplicaStream<ChangesPage>

extension Replica {
    package func changesStream(_ request: ChangesRequest) async throws -> ChangesStream? { nil }
}
