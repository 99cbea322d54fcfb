/// One line or a few of the table of speed.
protocol BenchCase: Sendable {
    /// What `--only` calls it.
    static var name: String { get }

    init()

    /// Measures it; the databases that it makes are deleted by the stage.
    func measure(_ stage: BenchStage) async throws -> [BenchLine]
}

/// A line of the table: what was measured, what was aimed at.
struct BenchLine: Sendable {
    let title: String
    let own: String
    var peer = ""
    var result = ""
    let target: String
    /// Whether the target is met; nil where there was nothing to compare with.
    let isMet: Bool?

    var cells: [String] {
        [title, own, peer, result, target, isMet.map { $0 ? "met" : "NOT MET" } ?? "–"]
    }

    static let header = ["case", "full sync", "peer", "result", "target", ""]

    /// A line whose target is a multiple of the peer's speed.
    ///
    /// - Parameter times: How long each server took, ours first.
    static func ratio(
        _ title: String,
        _ times: [Duration],
        atLeast target: Double,
        show: (Duration) -> String = { $0.short }
    ) -> BenchLine {
        guard times.count == 2 else {
            return BenchLine(title: title, own: show(times[0]), target: "≥ \(target.short) ×", isMet: nil)
        }
        let ratio = times[1] / times[0]
        return BenchLine(
            title: title,
            own: show(times[0]),
            peer: show(times[1]),
            result: "\(ratio.short) ×",
            target: "≥ \(target.short) ×",
            isMet: ratio >= target
        )
    }
}
