import CouchProtocol
import FullSyncClient
import JSON
import TestSupport
import Testing

/// Somebody with a device who wishes for new work orders, and writes documents that are good for their sequence or
/// poison to it; each edit is pushed before the next one.
actor Dispatcher {
    /// A change of a mixed document.
    struct Change: Hashable, Sendable {
        let number: Int
        let isBad: Bool
    }

    private static let documents = 4

    /// The titles of the work orders that each document has asked for, in order.
    private(set) var wished: [String: [String]] = [:]
    private(set) var mixed: [String: [Change]] = [:]
    private let customer: String
    private let technician: String
    private let local: MemoryReplica
    private let remote: HTTPReplica
    private var random: SeededGenerator

    /// - Parameters:
    ///   - customer: Of the work orders.
    ///   - technician: Whose they are.
    init(customer: String, technician: String, on system: FaultySystem, seed: UInt64) async throws {
        self.customer = customer
        self.technician = technician
        random = SeededGenerator(seed: seed)
        local = MemoryReplica(identity: "device of dora \(seed)")
        remote = try await system.database(of: "dora", atSecond: true)
    }

    /// Edits and pushes until that moment; what was edited is pushed in any case.
    func work(until end: ContinuousClock.Instant) async throws {
        var count = 0
        while ContinuousClock.now < end {
            count += 1
            let place = Int.random(in: 0..<Self.documents, using: &random)
            if Bool.random(using: &random) {
                let (id, title) = ("wish-\(place)", "wish \(place) \(count)")
                let wish: JSONObject = [
                    "type": "wish", "title": .string(title), "customer": .string(customer),
                    "technician": .string(technician),
                ]
                try await write(id, wish)
                wished[id, default: []].append(title)
            } else {
                let change = Change(number: count, isBad: Int.random(in: 0..<4, using: &random) == 0)
                let id = "mixed-\(place)"
                let document: JSONObject = [
                    "type": "mixed", "n": .number(JSONNumber(count)), "bad": .bool(change.isBad),
                ]
                try await write(id, document)
                mixed[id, default: []].append(change)
            }
            try await Task.sleep(for: .milliseconds(Int.random(in: 50...800, using: &random)))
        }
    }

    private func write(_ id: String, _ members: JSONObject) async throws {
        let id = DocumentID(stored: id)
        let present = await local.document(id)?.objectValue ?? [:]
        _ = try await local.put(id, present.merging(members))
        #expect(try await local.push(to: remote) == 0, "\(id)")
    }
}
