import Foundation
import FullSyncClient
import JSON
import NIOHTTP1

/// How long a change takes from a device to the back end, and from the back end to a device.
struct LatencyBench: Sendable {
    let stage: DemoStage
    let changes: Int
    let console: Console

    /// 20 changes a second.
    private static let interval = Duration.milliseconds(50)
    private static let patience = Duration.seconds(60)

    func run() async throws {
        let people = try await stage.technicians()
        let directory = FileManager.default.temporaryDirectory
            .appendingPathComponent("fullsync-bench-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: directory) }
        let devices = try [people.first, people.colleague].map {
            try DemoDevice(user: $0, endpoint: stage.system.endpoint, directory: directory)
        }
        for device in devices {
            try await device.login()
            try await device.pull()
        }
        console.print("\nOne change, 20 a second, \(changes) of them:\n")
        let toBackEnd = try await measureToBackEnd(devices[0])
        let toDevice = try await measureToDevice(devices[1])
        let rows = [
            ["push acknowledged → back end changed"] + toBackEnd.cells,
            ["back end changed → on another device"] + toDevice.cells,
        ]
        console.print(Table(["from → to", "p50", "p95", "p99", "max"], rows).text)
    }

    /// From the push's acknowledgement to the change of the ERP's row.
    private func measureToBackEnd(_ device: DemoDevice) async throws -> Figures {
        let orders = try await device.workOrders()
        let newest = orders.count
        guard newest > 0 else { throw DemoFailure("\(device.user) has no work orders") }
        let watch = Watch()
        let poller = Task { try await pollERP(watch) }
        defer { poller.cancel() }
        let start = ContinuousClock.now
        for number in 0..<changes {
            try await Task.sleep(until: start + Self.interval * number)
            let mark = "bench \(UUID().uuidString)"
            let id = orders[number % orders.count]["_id"] ?? .null
            let changes: JSONObject = ["_id": id, "notes": .string(mark), "status": "in_progress"]
            try await device.local.post(changes, policy: .merge)
            await watch.expect(mark)
            try await device.push()
            await watch.began(mark)
        }
        return try await watch.figures(within: Self.patience)
    }

    /// Looks what has changed in the ERP, all the time.
    private func pollERP(_ watch: Watch) async throws {
        var version = try await highestVersion()
        while !Task.isCancelled {
            let page = try await stage.erp.get("/work-orders?changedAfter=\(version)&limit=1000")
            for order in page["rows"]?.arrayValue ?? [] {
                version = max(version, order["version"]?.intValue ?? 0)
                if let mark = order["notes"]?.stringValue { await watch.arrived(mark) }
            }
            try await Task.sleep(for: .milliseconds(2))
        }
    }

    private func highestVersion() async throws -> Int {
        var after = ""
        var version = 0
        while true {
            let page = try await stage.erp.get("/work-orders?limit=1000\(after)")
            for order in page["rows"]?.arrayValue ?? [] { version = max(version, order["version"]?.intValue ?? 0) }
            guard let next = page["next"]?.stringValue else { return version }
            after = "&after=\(next)"
        }
    }

    /// From the ERP's answer to the change being on a device that follows.
    private func measureToDevice(_ device: DemoDevice) async throws -> Figures {
        let orders = try await device.workOrders()
        guard !orders.isEmpty else { throw DemoFailure("\(device.user) has no work orders") }
        let watch = Watch()
        let live = try await device.follow()
        let poller = Task { try await pollDevice(device, watch) }
        defer {
            live.cancel()
            poller.cancel()
        }
        let start = ContinuousClock.now
        for number in 0..<changes {
            try await Task.sleep(until: start + Self.interval * number)
            let mark = "bench \(UUID().uuidString)"
            let order = orders[number % orders.count]["number"]?.stringValue ?? ""
            await watch.expect(mark)
            let answer = try await stage.erp.send(.PATCH, "/work-orders/\(order)", ["notes": .string(mark)])
            guard answer.status == 200 else { throw DemoFailure("the ERP refused a change: \(answer.status)") }
            await watch.began(mark)
        }
        return try await watch.figures(within: Self.patience)
    }

    private func pollDevice(_ device: DemoDevice, _ watch: Watch) async throws {
        let local = try await device.local
        for try await change in local.changes(since: try await local.info().updateSequence) {
            if let mark = try await local.get(change.id)?["notes"]?.stringValue { await watch.arrived(mark) }
        }
    }
}

/// Marked changes under way: when each began and when it arrived.
private actor Watch {
    private var expected: Set<String> = []
    private var beginnings: [String: ContinuousClock.Instant] = [:]
    private var arrivals: [String: ContinuousClock.Instant] = [:]

    func expect(_ mark: String) { expected.insert(mark) }

    func began(_ mark: String) { beginnings[mark] = .now }

    func arrived(_ mark: String) {
        guard expected.contains(mark), arrivals[mark] == nil else { return }
        arrivals[mark] = .now
    }

    /// The durations, when all have arrived.
    ///
    /// A change that arrived before its beginning was noted took no time that could be measured.
    func figures(within limit: Duration) async throws -> Figures {
        let deadline = ContinuousClock.now + limit
        while arrivals.count < expected.count {
            guard ContinuousClock.now < deadline else {
                throw DemoFailure("\(expected.count - arrivals.count) of \(expected.count) changes did not arrive")
            }
            try await Task.sleep(for: .milliseconds(20))
        }
        return Figures(beginnings.map { mark, began in max(.zero, began.duration(to: arrivals[mark] ?? began)) })
    }
}
