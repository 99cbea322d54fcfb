import JSON
import TestSupport

/// What is done without a device: documents that are given to others, people who join and leave groups, and work in
/// the ERP.
struct Office: Sendable {
    static let groups = ["north", "south", "west"]
    private static let shared = 12

    let system: FaultySystem
    let members: [String]
    /// Work orders that no device edits.
    let orders: [String]
    let technicians: [String]
    let seed: UInt64

    /// Retags, deletes and regroups until that moment.
    func retag(until end: ContinuousClock.Instant) async throws {
        var random = SeededGenerator(seed: seed &+ 100)
        var count = 0
        while ContinuousClock.now < end {
            count += 1
            let member = members.randomElement(using: &random) ?? members[0]
            let group = Self.groups.randomElement(using: &random) ?? Self.groups[0]
            switch Int.random(in: 0..<6, using: &random) {
            case 0: _ = try await system.administrator.ask("PUT", "/_fullsync/groups/\(group)/members/\(member)")
            case 1: try await leave(group, member)
            default:
                var tags: JSONObject = ["n": .number(JSONNumber(count))]
                if Bool.random(using: &random) { tags["~owner"] = .string(member) }
                let groups = Self.groups.filter { _ in Int.random(in: 0..<3, using: &random) == 0 }
                if !groups.isEmpty { tags["~groups"] = .array(groups.map(JSONValue.string)) }
                if Int.random(in: 0..<8, using: &random) == 0 { tags = ["_deleted": true] }
                try await write("shared-\(Int.random(in: 0..<Self.shared, using: &random))", tags)
            }
            try await Task.sleep(for: .milliseconds(Int.random(in: 20...300, using: &random)))
        }
    }

    private func leave(_ group: String, _ member: String) async throws {
        try await patiently {
            do {
                _ = try await system.administrator.once("DELETE", "/_fullsync/groups/\(group)/members/\(member)")
            } catch let refusal as Web.Refusal where refusal.status == 404 {
                // The member is not in the group, perhaps since the last try.
            }
        }
    }

    private func write(_ id: String, _ document: JSONObject) async throws {
        let path = "/\(FaultProject.documents)/\(id)"
        try await patiently {
            var document = document
            let present = try await system.administrator.once(
                "POST",
                "/\(FaultProject.documents)/_all_docs",
                ["keys": [.string(id)]]
            )
            let row = present["rows"]?.arrayValue?.first
            let isThere = row?["value"]?["rev"] != nil && row?["value"]?["deleted"] == nil
            if isThere { document["_rev"] = row?["value"]?["rev"] }
            if !isThere, document["_deleted"] == true { return }
            _ = try await system.administrator.once("PUT", path, .object(document))
        }
    }

    /// Works in the ERP until that moment; what the ERP does not take is not done.
    func order(until end: ContinuousClock.Instant) async throws {
        var random = SeededGenerator(seed: seed &+ 200)
        var count = 0
        while ContinuousClock.now < end {
            count += 1
            let path = "/work-orders/\(orders.randomElement(using: &random) ?? "")"
            if Int.random(in: 0..<3, using: &random) == 0 {
                let technician = technicians.randomElement(using: &random) ?? ""
                _ = try? await system.erp.once("POST", path + "/reassign", ["technician": .string(technician)])
            } else {
                _ = try? await system.erp.once("PATCH", path, ["notes": .string("office \(count)")])
            }
            try await Task.sleep(for: .milliseconds(Int.random(in: 100...800, using: &random)))
        }
    }
}
