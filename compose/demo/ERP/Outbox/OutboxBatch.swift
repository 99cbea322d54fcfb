import Contracts
import Crypto
import Foundation
import JSON
import Messaging

/// An unpublished row of the outbox.
struct OutboxRow: Hashable, Sendable {
    let position: Int
    let id: UUID
    let routingKey: String
    /// The body's member `ids`.
    let ids: [String]
}

/// Rows of one routing key that go out as one message.
struct OutboxBatch: Hashable, Sendable {
    /// The most ids in one message.
    static let maximumIDs = 200

    let routingKey: String
    private(set) var rows: [OutboxRow]
    private(set) var ids: [String]

    /// Merges rows, in their order, into as few messages as the limit allows; an id that comes again counts once.
    static func merge(_ rows: [OutboxRow]) -> [OutboxBatch] {
        var done: [OutboxBatch] = []
        var open: [String: OutboxBatch] = [:]
        for row in rows {
            var batch = open[row.routingKey] ?? OutboxBatch(routingKey: row.routingKey, rows: [], ids: [])
            let added = row.ids.filter { !batch.ids.contains($0) }
            if !batch.rows.isEmpty, batch.ids.count + added.count > maximumIDs {
                done.append(batch)
                batch = OutboxBatch(routingKey: row.routingKey, rows: [row], ids: row.ids)
            } else {
                batch.rows.append(row)
                batch.ids += added
            }
            open[row.routingKey] = batch
        }
        return done + open.values.sorted { $0.routingKey < $1.routingKey }
    }

    /// The message's id, which receivers act on once.
    ///
    /// It stands for exactly these rows: after a crash the same rows may go out merged with others, and that message
    /// must not pass for this one.
    var messageID: String {
        guard rows.count > 1, let first = rows.first else { return rows.first?.id.uuidString.lowercased() ?? "" }
        let text = rows.map(\.id.uuidString).joined(separator: ",")
        let digest = SHA256.hash(data: Data(text.utf8)).prefix(8)
        let suffix = digest.map { String(UInt16($0) + 256, radix: 16).dropFirst() }.joined()
        return "\(first.id.uuidString.lowercased())-\(suffix)"
    }

    var message: OutgoingMessage {
        OutgoingMessage(
            exchange: ExchangeName.notifications,
            routingKey: routingKey,
            body: JSONValue.object(["ids": .array(ids.map(JSONValue.string))]).bytes,
            contentType: "application/json",
            messageID: messageID,
            isMandatory: true
        )
    }
}
