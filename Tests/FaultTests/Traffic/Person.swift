import Foundation
import JSON
import TestSupport

/// Looks after the runs that stopped as uncertain: sees in the ERP whether what they asked for has happened, and
/// decides.
actor Person {
    /// How long nothing is decided, as what was asked for may still be on its way to the ERP: a run's time, and the
    /// longest that a process between the two stands still.
    private static let caution: TimeInterval = Double(FaultProject.wishSeconds) + 20

    private let system: FaultySystem
    private var random: SeededGenerator
    /// How many were found done, and how many not.
    private(set) var done = 0
    private(set) var undone = 0

    init(_ system: FaultySystem, seed: UInt64) {
        self.system = system
        random = SeededGenerator(seed: seed &+ 400)
    }

    /// Decides until the task is cancelled.
    func work() async {
        while !Task.isCancelled {
            // What fails, because something is away, is looked at again.
            try? await look()
            try? await Task.sleep(for: .milliseconds(500))
        }
    }

    private func look() async throws {
        let answer = try await system.administrator.once("GET", "/_fullsync/runs?state=uncertain&limit=1000")
        for run in answer["runs"]?.arrayValue ?? [] where run["source"]?.stringValue == "wishes" {
            guard let id = run["id"]?.stringValue, let finished = run["finished"]?.stringValue,
                let end = try? Date(finished, strategy: .iso8601), end + Self.caution < Date()
            else { continue }
            try await decide(id)
        }
    }

    private func decide(_ run: String) async throws {
        let variables = try await system.query("SELECT convert_from(variables, 'utf8') FROM runs WHERE id = '\(run)'")
        let wish = try JSONValue(parsing: variables.first ?? "null")["doc"]?.arrayValue?.first
        guard let title = wish?["title"]?.stringValue else { return }
        let numbers = try await system.query(
            "SELECT number FROM erp.work_orders WHERE title = '\(title)'",
            of: "erp"
        )
        let path = "/_fullsync/runs/\(run)"
        if let number = numbers.first {
            let answer: JSONValue = ["status": 201, "body": ["number": .string(number)]]
            let decision: JSONValue = ["happened": true, "answer": answer]
            _ = try await system.administrator.once("POST", path + "/resolve", decision)
            done += 1
        } else if Bool.random(using: &random) {
            _ = try await system.administrator.once("POST", path + "/resolve", ["happened": false])
            undone += 1
        } else {
            _ = try await system.administrator.once("POST", path + "/retry")
            undone += 1
        }
    }
}
