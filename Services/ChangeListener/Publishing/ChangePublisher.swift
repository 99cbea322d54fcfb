import Contracts
import ControlStore
import CouchProtocol
import DocumentStore
import JSON
import Messaging
import Telemetry

/// Publishes every committed change of a database to `fullsync.changes`, in order, from a position in PostgreSQL.
///
/// The position moves when the broker has confirmed: a change may be published twice after a crash, and is never left
/// out.
struct ChangePublisher: Sendable {
    let broker: MessageBroker
    let control: ControlStore

    /// The name of the follower that publishes.
    static let follower = "publisher"

    func handle(_ changes: [CommittedChange], _ database: Database, _ position: Position, _ lease: Lease) async throws {
        try await broker.publishAll(changes.map { message($0, database) })
        try await control.advance(Self.follower, in: database.name, to: position, under: lease)
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
