import JSON

/// The checkpoint of one replication, on both sides.
struct CheckpointStore {
    let source: any Replica
    let target: any Replica
    /// The replication's name.
    let id: String

    /// What both sides remember; an error that a side cannot be read.
    func read() async throws -> (source: Checkpoint?, target: Checkpoint?) {
        async let onSource = source.localDocument(id)
        async let onTarget = target.localDocument(id)
        let documents = try await (onSource, onTarget)
        return (
            documents.0.map { Checkpoint(document: $0.body) }, documents.1.map { Checkpoint(document: $0.body) }
        )
    }

    /// Records a session on both sides, on the target first: a source that is behind only costs work.
    func save(_ session: Checkpoint.Session) async throws {
        try await save(session, on: target)
        try await save(session, on: source)
    }

    private func save(_ session: Checkpoint.Session, on side: any Replica) async throws {
        // Another run of the same replication may write at the same time; its record is then kept beside ours.
        for _ in 0..<5 {
            let present = try await side.localDocument(id)
            let checkpoint = Checkpoint(document: present?.body ?? [:]).recording(session)
            do {
                _ = try await side.putLocalDocument(
                    id,
                    LocalDocument(revision: present?.revision, body: checkpoint.document)
                )
                return
            } catch let error as CouchError where error.status == 409 {
                continue
            }
        }
        throw CouchError.conflict
    }
}
