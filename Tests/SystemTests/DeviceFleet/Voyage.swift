import Foundation
import JSON
import TestSupport

extension DeviceFleet {
    /// An edit that a device has told of.
    struct Edit: Sendable {
        let device: Int
        let id: String
        let revision: String
    }

    /// One life of a device's process: what is asked of it, and what goes wrong meanwhile.
    struct Voyage: Sendable {
        /// A command, and the document that it edits.
        struct Order: Sendable {
            let line: String
            var edited: String?
            /// The document whose refused edit it gives up.
            var givenUp: String?
        }

        /// What came of it.
        struct Log: Sendable {
            let device: Int
            var edits: [Edit] = []
            var givenUp: Set<String> = []
            var isKilled = false
            /// How often the device said that its disk was full.
            var refusals = 0
        }

        let device: Int
        let identity: DeviceProcess.Identity
        let faults: DeviceProcess.Faults
        let orders: [Order]
        /// After how many answers it is killed from outside, whatever it does then; nil for never.
        let kill: Int?

        func run(_ http: String) async throws -> Log {
            let process = try DeviceProcess(identity, http: http, faults: faults)
            // It may be dead already.
            try? process.send(orders.map(\.line))
            var (log, place) = (Log(device: device), 0)
            for order in orders { if let id = order.givenUp { log.givenUp.insert(id) } }
            while place < orders.count, place != kill, let answer = await process.next() {
                if let id = orders[place].edited, let revision = Self.revision(answer) {
                    log.edits.append(Edit(device: device, id: id, revision: revision))
                }
                if answer.hasPrefix("insufficient_storage") { log.refusals += 1 }
                place += 1
            }
            if place == kill {
                await process.kill()
                log.isKilled = true
            } else {
                log.isKilled = await process.end()
            }
            return log
        }

        /// The revision that an answer to an edit names; nil for one that says why there is none.
        private static func revision(_ answer: String) -> String? {
            if let receipt = try? JSONValue(parsing: answer) { return receipt["rev"]?.stringValue }
            return answer.wholeMatch(of: /[0-9]+-[0-9a-f]{32}/).map { String($0.output) }
        }
    }

    /// A device's next life, at random.
    func voyage(_ device: Int) throws -> Voyage {
        var faults = DeviceProcess.Faults()
        let year = 365 * 24 * 60 * 60
        let clocks = [0, -30 * year, 30 * year, -25 * 60 * 60, 5_000]
        faults.clock = clocks.randomElement(using: &random) ?? 0
        if Int.random(in: 0..<5, using: &random) < 3 {
            faults.kill = Int.random(in: 1...(1 << Int.random(in: 5..<11, using: &random)), using: &random)
        }
        if Int.random(in: 0..<3, using: &random) == 0 {
            faults.room = Int.random(in: 0..<2_000_000, using: &random)
            faults.refused = Int.random(in: 1..<40, using: &random)
        }
        let orders = [first()] + (0..<30).map { _ in order() }
        let isKilled = Int.random(in: 0..<4, using: &random) == 0
        return Voyage(
            device: device,
            identity: devices[device],
            faults: faults,
            orders: orders,
            kill: isKilled ? Int.random(in: 0..<orders.count, using: &random) : nil
        )
    }

    private func first() -> Voyage.Order {
        Voyage.Order(line: ["live", "live", "sync", "pull", "info"].randomElement(using: &random) ?? "")
    }

    private func order() -> Voyage.Order {
        let id = ids.randomElement(using: &random) ?? ""
        let number = Int.random(in: 0..<1_000, using: &random)
        let file = files.keys.sorted().randomElement(using: &random) ?? ""
        func call(_ verb: String, _ parameters: JSONObject) -> String {
            "call fs://.\(verb) \(JSONValue.object(parameters).text)"
        }
        func document() -> JSONObject {
            var document: JSONObject = ["_id": .string(id), "n": .number(JSONNumber(number))]
            if Int.random(in: 0..<3, using: &random) == 0 {
                document["~groups"] = [.string(groups.randomElement(using: &random) ?? "")]
            }
            return document
        }
        switch Int.random(in: 0..<24, using: &random) {
        case 0..<9: return Voyage.Order(line: "merge \(JSONValue.object(document()).text)", edited: id)
        case 9..<11:
            let parameters = document().merging(["_use_policy": "override"])
            return Voyage.Order(line: call("post", parameters), edited: id)
        case 11..<13: return Voyage.Order(line: "delete \(id)", edited: id)
        case 13..<17: return Voyage.Order(line: "attach \(id) \(file) \(folder)/\(file)", edited: id)
        case 17:
            return Voyage.Order(
                line: call("delete_attachment", ["docid": .string(id), "name": .string(file)]),
                edited: id
            )
        case 18..<21: return Voyage.Order(line: ["sync", "push", "pull"].randomElement(using: &random) ?? "")
        case 21: return Voyage.Order(line: "live")
        case 22: return Voyage.Order(line: "stop")
        default: return Voyage.Order(line: "takeback \(id)", givenUp: id)
        }
    }
}
