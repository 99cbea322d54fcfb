import Contracts
import ControlStore
import CouchProtocol
import DocumentStore
import JSON
import Logging
import Messaging
import Telemetry

/// Publishes every committed change of a database to `fullsync.changes`, in order, from a position in PostgreSQL.
///
/// The position moves when the broker has confirmed: a change may be published twice after a crash, and is never left
/// out. Only a queue that refuses what comes when it is full (`x-overflow: reject-publish`) is left behind after a
/// while: all others, those that wake live feeds among them, have the same events already and would wait for it.
struct ChangePublisher: Sendable {
    let broker: MessageBroker
    let control: ControlStore
    let refusals: RefusedEvents
    let logger: Logger
    /// For how long events are offered to a queue that refuses them: longer than a queue is without a leader.
    var patience = Duration.seconds(60)

    /// The name of the follower that publishes.
    static let follower = "publisher"

    /// - Throws: `notAccepted` while a queue refuses the events, until that has lasted too long.
    func handle(_ changes: [CommittedChange], _ database: Database, _ position: Position, _ lease: Lease) async throws {
        let hadLasted = refusals.haveLasted(patience, of: database.name)
        if try await areTaken(changes.map { message($0, database) }, whileRefused: hadLasted ? .zero : patience) {
            refusals.end(of: database.name)
        } else {
            refusals.note(of: database.name)
            guard refusals.haveLasted(patience, of: database.name) else { throw MessagingError.notAccepted }
            // Told once: it may go on for long.
            if !hadLasted {
                logger.warning(
                    "A queue bound to \(ExchangeName.changes) is full and refuses events; it misses them",
                    metadata: ["database": "\(database.name)", "seq": "\(position.seq)"]
                )
            }
        }
        try await control.advance(Self.follower, in: database.name, to: position, under: lease)
    }

    /// Whether every queue took the events.
    private func areTaken(
        _ messages: [OutgoingMessage],
        whileRefused patience: Duration?
    ) async throws(MessagingError) -> Bool {
        do {
            try await broker.publishAll(messages, whileRefused: patience)
            return true
        } catch {
            guard error == .notAccepted else { throw error }
            return false
        }
    }

    /// How many bytes of names a header has at most: with all else it must fit what the broker takes.
    private static let largestHeader = 32 << 10

    /// The feeds as a header names them.
    private static func names(of feeds: [Feed]) -> String {
        let names = JSONValue.array(feeds.map { .string($0.text) }).bytes
        guard names.count <= largestHeader else { return JSONValue.array([.string(HeaderName.everyFeed)]).text }
        return String(decoding: names, as: UTF8.self)
    }

    private func message(_ change: CommittedChange, _ database: Database) -> OutgoingMessage {
        let event = ChangeEvent(
            database: database.name,
            incarnation: database.incarnation,
            seq: change.seq,
            id: change.id.text,
            rev: change.revision,
            deleted: change.isDeleted,
            owner: change.tags.owner,
            groups: change.tags.groups,
            origin: ChangeEvent.Origin(rawValue: change.origin) ?? .sequence
        )
        var headers: [String: HeaderValue] = [:]
        if !change.bereft.isEmpty { headers[HeaderName.bereft] = .string(Self.names(of: change.bereft)) }
        let trace = change.traceID.flatMap(TraceContext.init(traceID:)) ?? .makeRoot()
        headers[HeaderName.traceparent] = .string(trace.traceparent)
        return OutgoingMessage(
            exchange: ExchangeName.changes,
            routingKey: database.name,
            body: event.body,
            contentType: "application/json",
            messageID: "\(database.incarnation)-\(change.seq)",
            headers: headers
        )
    }
}
