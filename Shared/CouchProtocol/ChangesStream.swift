/// The changes behind a place as one answer, page by page, which comes no faster than its pages are taken.
package final class ChangesStream: Sendable {
    private let read: @Sendable () async throws -> ChangesPage
    private let close: @Sendable () -> Void

    /// - Parameters:
    ///   - next: Reads the next page; ``ChangesPage/pending`` is nil in all but the last, which ends the answer.
    ///   - close: Lets go of what is still to come; is called once, when nobody reads any more.
    package init(
        next: @escaping @Sendable () async throws -> ChangesPage,
        close: @escaping @Sendable () -> Void = {}
    ) {
        read = next
        self.close = close
    }

    deinit { close() }

    /// The next page; there is none behind the one that says how many changes are pending.
    package func next() async throws -> ChangesPage { try await read() }
}

extension Replica {
    package func changesStream(_ request: ChangesRequest) async throws -> ChangesStream? { nil }
}
