import CouchProtocol
import Foundation

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
        /// When it last did, in seconds since 1970.
        var last = Int(Date().timeIntervalSince1970)

        /// Whether that is often enough to be the revision's own failure.
        fileprivate var isOwn: Bool { proven >= Troubles.patience || proven + unproven >= Troubles.longPatience }
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
    /// How many revisions are known at most; of more, those that failed longest ago are forgotten.
    ///
    /// It is more than what is brought over at once, so that what fails together is counted together.
    private static let limit = 2_000
    /// After how long without a failure one is forgotten, in seconds: nobody may ask for it any more.
    private static let life = 30 * 24 * 60 * 60

    private let kind: Kind
    private let server: String
    /// It has this, so it is not held here.
    private weak var device: SQLiteReplica?
    private var counts: Counts = [:]
    private var isLoaded = false
    private var lastHasFailed = false
    /// Writes the counts until nothing new is left of them.
    private var saving: Task<Void, Never>?
    private var isUnsaved = false

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
            forgetOld()
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
        var isLess = false
        for document in documents { isLess = forget(document.id, document.path) || isLess }
        if isLess { await save() }
    }

    /// Notes that the server has done what it was asked about one revision, which those before it are superseded by.
    ///
    /// Other branches are other matters: they may fail while this one does not.
    func passed(_ id: DocumentID, _ path: RevisionPath) async {
        await load()
        if forget(id, path) { await save() }
    }

    /// Notes that the server failed with one revision.
    ///
    /// An edit that nothing but the server's presence speaks against is not counted: a server that only cannot write,
    /// as when its disk is full, refuses nothing for good.
    ///
    /// What was found to be a revision's own failure is so at once from then on, until the server does what it was
    /// asked: others that fail beside it may have the whole tried again, and what was found with it.
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
        count.last = Int(Date().timeIntervalSince1970)
        counts[id, default: [:]][revision] = count
        forgetOld()
        await save()
        return count.isOwn ? .passedOver(error) : nil
    }

    /// - Returns: Whether anything of it was known.
    private func forget(_ id: DocumentID, _ path: RevisionPath) -> Bool {
        guard let known = counts[id] else { return false }
        let past = Set(path.revisions)
        let rest = known.filter { !past.contains($0.key) }
        counts[id] = rest.isEmpty ? nil : rest
        return rest.count < known.count
    }

    /// Forgets what failed long ago, and what is too much.
    private func forgetOld() {
        guard !counts.isEmpty else { return }
        let lasts = counts.values.flatMap { $0.values.map(\.last) }
        var oldest = Int(Date().timeIntervalSince1970) - Self.life
        // Those that failed in the same second stay or go together.
        if lasts.count > Self.limit { oldest = max(oldest, lasts.sorted()[lasts.count - Self.limit]) }
        guard lasts.contains(where: { $0 < oldest }) else { return }
        counts = counts.mapValues { $0.filter { $0.value.last >= oldest } }.filter { !$0.value.isEmpty }
    }

    /// That they cannot be read, or written, costs nothing but patience.
    private func load() async {
        guard let device, !isLoaded, let known = try? await device.troubles(kind, of: server), !isLoaded else { return }
        isLoaded = true
        counts.merge(known) { own, _ in own }
    }

    /// Writes the counts, one state after the other, and returns when those of now are written.
    private func save() async {
        guard device != nil, isLoaded else { return }
        isUnsaved = true
        if let saving { return await saving.value }
        let task = Task { await writeCounts() }
        saving = task
        await task.value
    }

    private func writeCounts() async {
        while isUnsaved {
            isUnsaved = false
            try? await device?.note(counts, of: kind, with: server)
        }
        saving = nil
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
