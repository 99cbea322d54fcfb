import CouchProtocol
public import JSON

/// The answers of a query, now and whenever they become others: by the application's own writes or by a sync.
///
/// The query runs again only when a change could matter to it, and an answer is delivered only when it differs from the
/// one before. Changes that come close together are gathered. The sequence goes on until its task is cancelled.
public struct LiveQuery<Value: Sendable>: AsyncSequence, Sendable {
    let replica: SQLiteReplica
    let concern: LiveConcern
    let isSame: @Sendable (Value, Value) -> Bool
    /// The documents of an answer, where that matters and can be told.
    var shown: @Sendable (Value) -> Set<String>? = { _ in nil }
    let run: @Sendable () async throws -> Value

    /// Begins with the answer as it is now.
    public func makeAsyncIterator() -> Iterator {
        Iterator(query: self)
    }

    /// Where a reader of the answers is.
    public struct Iterator: AsyncIteratorProtocol, Sendable {
        private let query: LiveQuery
        private var last: Value?
        private var watch: LiveWatch

        fileprivate init(query: LiveQuery) {
            self.query = query
            watch = LiveWatch(replica: query.replica, concern: query.concern)
        }

        /// The next answer, which is waited for.
        ///
        /// - Throws: ``FullSyncError`` when the query fails; `CancellationError` when the task is cancelled.
        public mutating func next() async throws -> Value? {
            guard let last else {
                try await FullSyncError.translating { try await watch.begin() }
                let first = try await query.run()
                self.last = first
                return first
            }
            while true {
                let mayMatter = try await FullSyncError.translating { try await watch.next(shown: query.shown(last)) }
                guard mayMatter else { continue }
                let answer = try await query.run()
                guard !query.isSame(last, answer) else { continue }
                self.last = answer
                return answer
            }
        }
    }
}

extension FullSyncDatabase {
    /// A document, now and whenever it changes; nil while there is none.
    public func liveDocument(_ id: String, _ options: GetOptions = GetOptions()) -> LiveQuery<JSONObject?> {
        LiveQuery(replica: replica, concern: .documents([id]), isSame: ==) { try await get(id, options) }
    }

    /// A list of documents, now and whenever it changes.
    public func liveAll(_ options: ListOptions = ListOptions()) -> LiveQuery<[Row]> {
        LiveQuery(replica: replica, concern: .list(options), isSame: ==) { try await all(options) }
    }

    /// The rows of a view, now and whenever they change.
    public func liveView(
        _ design: String,
        _ view: String,
        _ query: ViewQuery = ViewQuery()
    ) -> LiveQuery<ViewResult> {
        LiveQuery(
            replica: replica,
            concern: .view(self, design: design, view: view, readsDocuments: query.includesDocuments),
            isSame: { $0.rows == $1.rows },
            run: { try await self.view(design, view, query) }
        )
    }

    /// The documents that a selector finds, now and whenever they change.
    ///
    /// - Parameter request: As ``find(_:)`` takes it.
    public func liveFind(_ request: JSONObject) -> LiveQuery<FindResult> {
        LiveQuery(
            replica: replica,
            concern: .find(request, rules: replica.rules),
            isSame: { $0.documents == $1.documents },
            shown: { $0.documents.ids },
            run: { try await find(request) }
        )
    }
}

extension [JSONObject] {
    /// Their ids; nil when one has none, because other members were asked for.
    var ids: Set<String>? {
        let ids = compactMap { $0["_id"]?.stringValue }
        return ids.count == count ? Set(ids) : nil
    }
}
