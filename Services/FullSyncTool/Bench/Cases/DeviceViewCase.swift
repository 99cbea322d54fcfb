/// What an application asks of its local database besides single documents: views, and what they are reduced to.
struct DeviceViewCase: BenchCase {
    static let name = "device-views"

    func measure(_ stage: BenchStage) async throws -> [BenchLine] {
        let count = stage.scaled(100_000)
        return try await DeviceFolder.with { folder in
            _ = try await folder.measure(.pull, count)
            let figures = try await folder.measure(.views, count)
            let build = figures["build"]
            func line(_ title: String, _ name: String) -> BenchLine {
                BenchLine(title: "device: \(title)", own: figures[name].short, target: "", isMet: nil)
            }
            return [
                BenchLine(
                    title: "device: a view of \(count) documents",
                    own: build.rate(count),
                    target: "≥ 30000/s",
                    isMet: Double(count) / (build / .seconds(1)) >= 30_000
                ),
                line("an edit, and a query that sees it", "followed"),
                line("_sum over all rows, the first time", "sum"),
                line("an edit, and _sum over all rows", "sum again"),
                line("a function over all rows, the first time", "own"),
                line("an edit, and a function over all rows", "own again"),
                line("an edit, and a function over 100 groups", "own groups"),
                BenchLine(
                    title: "device: an index of \(count) documents",
                    own: figures["index"].rate(count),
                    target: "",
                    isMet: nil
                ),
                line("find by it", "find"),
                folder.memory("\(count) documents and their views"),
            ]
        }
    }
}
