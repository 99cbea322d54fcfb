import Foundation
import TestSupport
import Testing

@testable import DemoERP

@Suite struct OutboxBatchTests {
    private func row(_ position: Int, _ key: String, _ ids: [String]) -> OutboxRow {
        OutboxRow(position: position, id: UUID(), routingKey: key, ids: ids)
    }

    @Test func `rows of one routing key become one message, and an id that comes again counts once`() {
        let batches = OutboxBatch.merge([
            row(1, "a.x", ["1"]), row(2, "a.y", ["9"]), row(3, "a.x", ["2"]), row(4, "a.x", ["1"]),
        ])
        #expect(batches.map(\.routingKey) == ["a.x", "a.y"])
        #expect(batches.first?.ids == ["1", "2"])
    }

    @Test func `nothing is lost or made up, and no message is too long, whatever the rows`() {
        var random = SeededGenerator.announced()
        for _ in 0..<200 {
            let rows = (0..<Int.random(in: 0...600, using: &random)).map { position in
                row(
                    position,
                    ["a", "b"].randomElement(using: &random) ?? "a",
                    ["\(UInt8.random(in: 0...255, using: &random))"]
                )
            }
            let batches = OutboxBatch.merge(rows)
            #expect(batches.flatMap(\.rows).map(\.position).sorted() == rows.map(\.position))
            for batch in batches {
                #expect(batch.ids.count <= OutboxBatch.maximumIDs)
                #expect(Set(batch.ids) == Set(batch.rows.flatMap(\.ids)))
                #expect(batch.rows.allSatisfy { $0.routingKey == batch.routingKey })
            }
        }
    }

    @Test func `the message id stands for exactly these rows`() {
        let rows = [row(1, "a", ["1"]), row(2, "a", ["2"]), row(3, "a", ["3"])]
        func id(_ rows: some Sequence<OutboxRow>) -> String? { OutboxBatch.merge(Array(rows)).first?.messageID }
        #expect(id(rows) == id(rows))
        #expect(Set([id(rows), id(rows.prefix(2)), id(rows.prefix(1)), id(rows.dropFirst())]).count == 4)
        #expect((id(rows)?.utf8.count ?? .max) < 256)
    }
}
