import Foundation
import FullSyncClient
import JSON
import NIOHTTP1

/// The six steps of Full Sync, played against a running system with real devices.
struct DemoPlay: Sendable {
    let stage: DemoStage
    let console: Console

    func run() async throws {
        let began = ContinuousClock.now
        console.print("Full Sync at \(stage.system.endpoint), its back end at \(stage.system.erp).\n")
        try await sequencesPull()
        let directory = FileManager.default.temporaryDirectory
            .appendingPathComponent("fullsync-demo-\(UUID().uuidString)")
        defer { try? FileManager.default.removeItem(at: directory) }
        let (first, colleague, stranger) = try await devicesReplicate(directory)
        let order = try await userWorksOffline(first)
        let before = try await newestRun()
        try await modificationsReplicate(first)
        try await changesReachTheBackEnd(order, first, colleague, stranger, before)
        try await backEndChangesReachDevices(order, first, colleague)
        console.print("\nAll six steps happened, in \(Self.text(.now - began)).")
    }

    // MARK: - The steps

    private func sequencesPull() async throws {
        step(1, "Sequences pull data out of the back end and push it to the document store, tagged.")
        let pulls = try await stage.waitForPulls()
        for (job, run) in pulls.sorted(by: { $0.key < $1.key }) {
            let milliseconds = run["milliseconds"]?.intValue ?? 0
            detail("\(job) (scheduler) ran \(run["sequence"]?.stringValue ?? "") in \(milliseconds) ms")
        }
        let info = try await stage.administrator.get("/\(DemoDevice.database)")
        detail("the store holds \(info["doc_count"]?.intValue ?? 0) documents")
    }

    private func devicesReplicate(_ directory: URL) async throws -> (DemoDevice, DemoDevice, DemoDevice) {
        let people = try await stage.technicians()
        step(2, "The data replicates to the devices of those it is for.")
        let endpoint = stage.system.endpoint
        let devices = try [people.first, people.colleague, people.stranger].map {
            try DemoDevice(user: $0, endpoint: endpoint, directory: directory)
        }
        for device in devices { try await device.login() }
        detail(
            "\(people.first) and \(people.colleague) of team \(people.team), and \(people.stranger) of another, log in"
        )
        let began = ContinuousClock.now
        // Two devices at once.
        async let one = devices[0].pull()
        async let two = devices[1].pull()
        let pulled = try await [one, two]
        let seconds = (ContinuousClock.now - began) / .seconds(1)
        let count = pulled.reduce(0, +)
        let rate = Int(Double(count) / seconds)
        detail(
            "two devices pull \(count) documents at once in \(Self.text(.now - began)), \(rate) a second"
        )
        try await devices[2].pull()
        let answer = try await devices[0].client.call(".pull-mine")
        detail("\(people.first)'s device calls the sequence pull-mine itself: \(answer.text)")
        return (devices[0], devices[1], devices[2])
    }

    private func userWorksOffline(_ device: DemoDevice) async throws -> JSONObject {
        step(3, "The user reads and writes the local database, offline.")
        let open = try await device.workOrders().filter {
            $0["status"] != "closed" && $0["technician"]?.stringValue == device.user
        }
        guard let order = open.first, let id = order["_id"] else {
            throw DemoFailure("\(device.user) has no open work order left; start with a fresh FULLSYNC_HOME")
        }
        let changes: JSONObject = [
            "_id": id, "_use_policy": "merge", "status": "closed",
            "notes": .string("Closed on site by \(device.user), offline."),
            "closedAt": .string(Date().formatted(.iso8601)),
        ]
        try await device.client.call("fs://.post", changes)
        detail("\(device.user) closes \(order["number"]?.stringValue ?? "") (\(order["title"]?.stringValue ?? ""))")
        return order
    }

    private func modificationsReplicate(_ device: DemoDevice) async throws {
        step(4, "Modifications replicate back.")
        let pushed = try await device.push()
        detail("the device of \(device.user) pushes \(pushed) document")
    }

    private func changesReachTheBackEnd(
        _ order: JSONObject,
        _ first: DemoDevice,
        _ colleague: DemoDevice,
        _ stranger: DemoDevice,
        _ before: Int
    ) async throws {
        let pushed = ContinuousClock.now
        let number = order["number"]?.stringValue ?? ""
        step(5, "The modification triggers the sequences of the listeners that match it.")
        step(6, "The sequence pushes the data to the back end.")
        let closed = try await stage.workOrder(number) { $0["status"] == "closed" }
        detail(
            "the ERP has \(number) closed by \(closed["closedBy"]?.stringValue ?? "nobody"), "
                + "\(Self.text(.now - pushed)) after the push"
        )
        let run = try await listenerRun(after: before)
        detail(
            "run \(run["id"]?.stringValue ?? "") of \(run["sequence"]?.stringValue ?? ""), "
                + "as \(run["user"]?.stringValue ?? "")"
        )
        try await colleague.pull()
        let id = order["_id"]?.stringValue ?? ""
        try await colleague.document(id) { $0["status"] == "closed" }
        detail("\(colleague.user), of the same team, has it closed too")
        try await stranger.pull()
        guard try await stranger.local.get(id) == nil else {
            throw DemoFailure("\(stranger.user) of another team has \(id)")
        }
        let foreign = try await stranger.workOrders().filter { $0["team"] == order["team"] }
        guard foreign.isEmpty else { throw DemoFailure("\(stranger.user) has work orders of another team") }
        detail("\(stranger.user), of another team, has neither it nor any other of that team")
    }

    private func backEndChangesReachDevices(
        _ order: JSONObject,
        _ first: DemoDevice,
        _ colleague: DemoDevice
    )
        async throws
    {
        console.print("\n  And the other way: a change in the back end arrives on the devices it is for.")
        let number = order["number"]?.stringValue ?? ""
        let note = "Seen by the office at \(Date().formatted(.iso8601))."
        let live = try await colleague.follow()
        defer { live.cancel() }
        let began = ContinuousClock.now
        let answer = try await stage.erp.send(.PATCH, "/work-orders/\(number)", ["notes": .string(note)])
        guard answer.status == 200 else { throw DemoFailure("the ERP refused the change: \(answer.status)") }
        try await colleague.document(order["_id"]?.stringValue ?? "") { $0["notes"]?.stringValue == note }
        detail("the office writes a note; the ERP notifies; \(colleague.user) has it after \(Self.text(.now - began))")
    }

    /// The number of the newest run; 0 when there is none.
    private func newestRun() async throws -> Int {
        let runs = try await stage.administrator.get("/_fullsync/runs?limit=1")["runs"]?.arrayValue
        return runs?.first?["number"]?.intValue ?? 0
    }

    /// The newest successful run that the demo's listener started after the one of that number.
    ///
    /// The back end has the change before the run has succeeded; until then the newest success is an earlier play's.
    private func listenerRun(after number: Int) async throws -> JSONValue {
        let deadline = ContinuousClock.now + .seconds(300)
        while ContinuousClock.now < deadline {
            let runs = try await stage.administrator.get("/_fullsync/runs?state=succeeded&limit=100")["runs"]?
                .arrayValue
            let run = runs?.first { $0["cause"] == "listener" && ($0["number"]?.intValue ?? 0) > number }
            if let run { return run }
            try await Task.sleep(for: .milliseconds(50))
        }
        throw DemoFailure("no run of the listener has succeeded")
    }

    // MARK: - Telling

    private func step(_ number: Int, _ text: String) {
        console.print("  \(number). \(text)")
    }

    private func detail(_ text: String) {
        console.print("       \(text)")
    }

    private static func text(_ duration: Duration) -> String {
        duration < .seconds(1)
            ? "\(Int(duration / .milliseconds(1))) ms" : String(format: "%.1f s", duration / .seconds(1))
    }
}
