import CouchProtocol

/// What a server fails with again and again, so that one document is not tried for ever while others wait behind it.
///
/// The counts stand beside the device's database where there is one: they outlive a sync and the process, so a document
/// that makes each of many short syncs fail is passed over all the same.
actor Troubles {
    /// What the server is asked to do.
    enum Kind: String, Sendable {
        /// To take documents.
        case writing
        /// To give documents.
        case reading
        /// To give contents of attachments.
        case contents
    }

    /// How often a revision was the only one with which the server failed.
    struct Count: Hashable, Sendable {
        /// Since the server was seen doing what it was asked about others.
        var proven = 0
        /// While nothing but that it answers was known of it.
        var unproven = 0
    }

    typealias Counts = [DocumentID: [RevisionID: Count]]

    /// What speaks for a failure being the document's own.
    enum Proof: Sendable {
        /// The server did what it was asked about others; once is enough.
        case others
        /// The server is there, and answers something else.
        case presence
    }

    /// How often that is the network or the server, and no reason to pass the document over.
    ///
    /// A sync that tries five times comes to it although another failure falls in between.
    private static let patience = 3
    /// The same while the server was seen doing nothing alike, such as when nothing else is asked for.
    ///
    /// One that can give no document at all may be well again meanwhile; what is passed over is asked for again later.
    private static let longPatience = 8

    private let kind: Kind
    private let server: String
    /// It has this, so it is not held here.
    private weak var device: SQLiteReplica?
    private var counts: Counts = [:]
    private var isLoaded = false
    private var lastHasFailed = false

    /// - Parameters:
    ///   - server: The identity of the server's database.
    ///   - device: Remembers the counts; nil where nothing does.
    init(_ kind: Kind, of server: String = "", in device: SQLiteReplica? = nil) {
        (self.kind, self.server) = (kind, server)
        self.device = device
    }

    /// Whether the request before has failed, or the server fails with something that is known.
    var hasFailed: Bool {
        get async {
            await load()
            return lastHasFailed || !counts.isEmpty
        }
    }

    func ended(failed: Bool) {
        lastHasFailed = failed
    }

    /// Notes that the server has done what it was asked about these: it fails with them no more.
    func passed(_ documents: [ReplicatedDocument]) async {
        await load()
        guard !counts.isEmpty else { return }
        let before = counts
        for document in documents { forget(document.id, document.path.revision) }
        if counts != before { await save() }
    }

    /// Notes that the server failed with one revision.
    ///
    /// An edit that nothing but the server's presence speaks against is not counted: a server that only cannot write,
    /// as when its disk is full, refuses nothing for good.
    ///
    /// - Parameter error: What it said.
    /// - Returns: The error as one that lies with the document; nil while it may pass.
    func fail(_ id: DocumentID, _ revision: RevisionID, _ error: any Error, _ proof: Proof) async -> CouchError? {
        await load()
        var count = counts[id]?[revision] ?? Count()
        if proof == .others || count.proven > 0 {
            count.proven += 1
        } else {
            guard kind != .writing else { return nil }
            count.unproven += 1
        }
        let isOwn = count.proven >= Self.patience || count.proven + count.unproven >= Self.longPatience
        if isOwn { forget(id, revision) } else { counts[id, default: [:]][revision] = count }
        await save()
        return isOwn ? .passedOver(error) : nil
    }

    private func forget(_ id: DocumentID, _ revision: RevisionID) {
        counts[id]?[revision] = nil
        if counts[id]?.isEmpty == true { counts[id] = nil }
    }

    /// That they cannot be read, or written, costs nothing but patience.
    private func load() async {
        guard let device, !isLoaded, let known = try? await device.troubles(kind, of: server), !isLoaded else { return }
        isLoaded = true
        counts.merge(known) { own, _ in own }
    }

    private func save() async {
        guard let device, isLoaded else { return }
        try? await device.note(counts, of: kind, with: server)
    }
}

extension CouchError {
    /// The name of an error of ours, which no server answers.
    private static let nameOfPassedOver = "fullsync_passed_over"

    /// The server fails with the document time after time, while it answers for others.
    static func passedOver(_ error: any Error) -> CouchError {
        CouchError(status: 422, error: nameOfPassedOver, reason: "\(error)")
    }

    /// Whether the server failed with the document time after time, so that it was passed over.
    var isPassedOver: Bool { error == Self.nameOfPassedOver }

    /// Whether the server says that it has too much to do, which is nobody's fault.
    var isOfBusyServer: Bool { [429, 503].contains(status) }
}
