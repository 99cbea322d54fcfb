package import JSON

/// How far a replication has come, as both sides keep it in `_local/<replication id>`: the replication log of
/// CouchDB's protocol.
package struct Checkpoint: Hashable, Sendable {
    /// How many sessions are remembered, as in CouchDB.
    package static let historyLimit = 50

    /// What one session of a replication did.
    package struct Session: Hashable, Sendable {
        /// The session's random name.
        package var id: String
        /// Where it began.
        package var startSequence: UpdateSequence
        /// What it has covered: everything up to here is on the target.
        package var recordedSequence: UpdateSequence
        package var statistics: ReplicationStatistics
        /// When it began, for people.
        package var startTime: String?
        /// When this was recorded, for people.
        package var endTime: String?

        /// A session that has just begun.
        package init(id: String, startSequence: UpdateSequence, startTime: String? = nil) {
            self.id = id
            self.startSequence = startSequence
            self.startTime = startTime
            recordedSequence = startSequence
            statistics = ReplicationStatistics()
        }
    }

    /// The sessions, newest first; the newest is the one that recorded this.
    package var history: [Session]

    /// A checkpoint of these sessions, newest first.
    package init(history: [Session]) {
        self.history = history
    }

    /// This checkpoint with what a session has come to: in place of what it recorded before, or as the newest.
    package func recording(_ session: Session) -> Checkpoint {
        let others = history.filter { $0.id != session.id }
        return Checkpoint(history: Array(([session] + others).prefix(Self.historyLimit)))
    }

    /// How far the two sides agree that the replication has come: the newest session that both remember.
    ///
    /// Either side may have lost something (a restored backup, a database made anew), and then what only the other
    /// remembers must not be believed.
    package static func common(source: Checkpoint?, target: Checkpoint?) -> UpdateSequence {
        guard let source, let target else { return .beginning }
        for session in source.history {
            guard let other = target.history.first(where: { $0.id == session.id }) else { continue }
            // One of the two may have been written without the other; what the older record says holds for both.
            // The records of one session follow each other, so the one on the side that is behind is the older.
            if session.recordedSequence == other.recordedSequence { return session.recordedSequence }
            return session.statistics.changesRead <= other.statistics.changesRead
                ? session.recordedSequence : other.recordedSequence
        }
        return .beginning
    }
}

// MARK: - As a document

extension Checkpoint {
    /// The checkpoint as the body of a local document.
    package var document: JSONObject {
        guard let newest = history.first else { return [:] }
        return [
            "session_id": .string(newest.id), "source_last_seq": newest.recordedSequence.json,
            "replication_id_version": .number(JSONNumber(ReplicationID.version)),
            "history": .array(history.map { .object($0.document) }),
        ]
    }

    /// The checkpoint that the body of a local document says; sessions that make no sense are left out.
    package init(document: JSONObject) {
        history = (document["history"]?.arrayValue ?? []).prefix(Self.historyLimit).compactMap { entry in
            entry.objectValue.flatMap(Session.init(document:))
        }
    }
}

extension Checkpoint.Session {
    fileprivate var document: JSONObject {
        var members: JSONObject = ["session_id": .string(id)]
        members["start_time"] = startTime.map { .string($0) }
        members["end_time"] = endTime.map { .string($0) }
        members["start_last_seq"] = startSequence.json
        members["end_last_seq"] = recordedSequence.json
        members["recorded_seq"] = recordedSequence.json
        for (name, keyPath) in Self.counters {
            members[name] = .number(JSONNumber(statistics[keyPath: keyPath]))
        }
        return members
    }

    fileprivate init?(document: JSONObject) {
        guard let id = document["session_id"]?.stringValue,
            let recorded = document["recorded_seq"].flatMap({ UpdateSequence(json: $0) })
        else { return nil }
        let start = document["start_last_seq"].flatMap { UpdateSequence(json: $0) }
        self.init(id: id, startSequence: start ?? .beginning, startTime: document["start_time"]?.stringValue)
        recordedSequence = recorded
        endTime = document["end_time"]?.stringValue
        for (name, keyPath) in Self.counters { statistics[keyPath: keyPath] = document[name]?.countValue ?? 0 }
    }

    private static var counters: [(String, WritableKeyPath<ReplicationStatistics, Int>)] {
        [
            ("changes_read", \.changesRead), ("missing_checked", \.missingChecked), ("missing_found", \.missingFound),
            ("docs_read", \.documentsRead), ("docs_written", \.documentsWritten),
            ("doc_write_failures", \.writeFailures),
        ]
    }
}
