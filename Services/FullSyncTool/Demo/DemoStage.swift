import FullSyncClient
import JSON
import NIOHTTP1
import Settings

/// The running system as the demo and the benchmark see it: the administrator's view, the ERP, and its technicians.
struct DemoStage: Sendable {
    let system: DemoSystem
    let administrator: JSONClient
    let erp: JSONClient

    private static let patience = Duration.seconds(180)

    init(_ system: DemoSystem) {
        self.system = system
        administrator = JSONClient(base: system.endpoint, authorization: system.administrator.authorization)
        erp = JSONClient(base: system.erp, authorization: "Bearer \(system.erpToken.reveal())")
    }

    /// The endpoint as its administrator asks it once.
    var endpoint: AdministeredEndpoint {
        AdministeredEndpoint(address: system.endpoint, credentials: system.administrator)
    }

    /// Waits until the scheduler's first pulls have brought the ERP's data.
    ///
    /// - Returns: The runs, by the job that started them.
    func waitForPulls() async throws -> [String: JSONValue] {
        let deadline = ContinuousClock.now + Self.patience
        while ContinuousClock.now < deadline {
            let done = try await pulls()
            if done.count == Self.jobs.count { return done }
            try await Task.sleep(for: .milliseconds(200))
        }
        throw DemoFailure("the scheduled pulls did not succeed in time; see \(system.endpoint)/_fullsync/runs")
    }

    private static let jobs: Set = ["refresh-catalogue", "refresh-directory", "refresh-work-orders"]
    private static let page = 1_000

    /// The last success of each job, page by page, as a benchmark makes many runs.
    private func pulls() async throws -> [String: JSONValue] {
        var done: [String: JSONValue] = [:]
        var before = ""
        while done.count < Self.jobs.count {
            let path = "/_fullsync/runs?state=succeeded&limit=\(Self.page)\(before)"
            let runs = try await administrator.get(path)["runs"]?.arrayValue ?? []
            for run in runs where run["cause"] == "schedule" {
                if let job = run["source"]?.stringValue, Self.jobs.contains(job), done[job] == nil { done[job] = run }
            }
            guard runs.count == Self.page, let number = runs.last?["number"]?.intValue else { break }
            before = "&before=\(number)"
        }
        return done
    }

    /// Two technicians of one team, and one of another.
    func technicians() async throws -> (first: String, colleague: String, stranger: String, team: String) {
        let rows = try await erp.get("/technicians?limit=1000")["rows"]?.arrayValue ?? []
        let byTeam = Dictionary(grouping: rows) { $0["team"]?.stringValue ?? "" }
        let teams = byTeam.filter { $0.value.count >= 2 }.keys.sorted()
        guard teams.count >= 2, let team = byTeam[teams[0]], let other = byTeam[teams[1]] else {
            throw DemoFailure("the ERP has not two teams of two technicians")
        }
        let (logins, others) = (team.compactMap(Self.login).sorted(), other.compactMap(Self.login).sorted())
        return (logins[0], logins[1], others[0], teams[0])
    }

    private static func login(_ row: JSONValue) -> String? { row["login"]?.stringValue }

    /// The ERP's work order, when it comes to satisfy the condition.
    @discardableResult
    func workOrder(_ number: String, where isThere: (JSONValue) -> Bool) async throws -> JSONValue {
        let deadline = ContinuousClock.now + Self.patience
        while ContinuousClock.now < deadline {
            let order = try await erp.get("/work-orders/\(number)")
            if isThere(order) { return order }
            try await Task.sleep(for: .milliseconds(5))
        }
        throw DemoFailure("the ERP's work order \(number) did not change in time")
    }
}
