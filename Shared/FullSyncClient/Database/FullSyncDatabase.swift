import CouchProtocol

/// The local database of an application: it answers at once, with or without a network.
///
/// Each user of a device has their own; ``FullSyncClient/database(_:)`` gives it, and ``FullSyncClient/sync(_:_:)``
/// keeps it in step with the server. Documents are JSON objects; `_id` names a document and `_rev` its revision, as in
/// CouchDB. What a method has written is there when it returns, whatever happens to the process afterwards.
public struct FullSyncDatabase: Sendable {
    /// The name of the database, here and on the server.
    public let name: String
    package let replica: SQLiteReplica

    package init(name: String, replica: SQLiteReplica) {
        self.name = name
        self.replica = replica
    }

    /// What the database holds, in numbers.
    public struct Information: Hashable, Sendable {
        /// How many documents there are.
        public let documentCount: Int
        /// How many documents were deleted.
        public let deletedCount: Int
        /// The number of the newest change; see ``FullSyncDatabase/changes(since:)``.
        public let updateSequence: Int
    }

    /// Tells how many documents the database holds.
    public func info() async throws -> Information {
        try await FullSyncError.translating {
            let info = try await replica.info()
            return Information(
                documentCount: info.documentCount,
                deletedCount: info.deletedCount,
                updateSequence: Int(info.updateSequence.text) ?? 0
            )
        }
    }

    /// A change of a document, by the application or by a sync.
    public struct Change: Hashable, Sendable {
        /// The number of the change; later ones have greater numbers.
        public let sequence: Int
        /// The document.
        public let id: String
        /// The revision that it has now.
        public let revision: String
        /// Whether it is deleted.
        public let isDeleted: Bool
    }

    /// Tells each change of a document, those that have been and then those that come.
    ///
    /// A document that has changed several times since it was looked at is told once, as it is now. The sequence goes
    /// on until it is given up, and holds no more than a page of changes, however many there are.
    ///
    /// - Parameter since: The ``Change/sequence`` that was seen last; 0 for all changes.
    public func changes(since: Int = 0) -> Changes {
        Changes(replica: replica, since: since)
    }

    /// The changes of a database, one after the other.
    public struct Changes: AsyncSequence, Sendable {
        let replica: SQLiteReplica
        let since: Int

        /// Begins behind the change that was seen last.
        public func makeAsyncIterator() -> Iterator {
            Iterator(replica: replica, request: ChangesRequest(since: UpdateSequence(since), allLeaves: false))
        }

        /// Where a reader of the changes is.
        public struct Iterator: AsyncIteratorProtocol {
            let replica: SQLiteReplica
            var request: ChangesRequest
            var page: ArraySlice<Change> = []

            init(replica: SQLiteReplica, request: ChangesRequest) {
                self.replica = replica
                self.request = request
                self.request.wait = .seconds(60)
            }

            /// The next change, which is waited for.
            ///
            /// - Throws: `CancellationError` when the task is cancelled.
            public mutating func next() async throws -> Change? {
                while page.isEmpty {
                    let (replica, request) = (replica, request)
                    let read = try await FullSyncError.translating { try await replica.changes(request) }
                    self.request.since = read.lastSequence
                    page = read.rows.map { Change($0) }[...]
                }
                return page.popFirst()
            }
        }
    }
}

extension FullSyncDatabase.Change {
    fileprivate init(_ row: ChangeRow) {
        sequence = row.sequence.flatMap { Int($0.text) } ?? 0
        id = row.id.text
        revision = row.revisions.first?.description ?? ""
        isDeleted = row.isDeleted
    }
}
