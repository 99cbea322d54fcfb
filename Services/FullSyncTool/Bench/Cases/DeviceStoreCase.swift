import Foundation

/// What an application does with its local database: a first pull, reads and writes of single documents, and room on
/// the disk and in memory.
struct DeviceStoreCase: BenchCase {
    static let name = "device"

    func measure(_ stage: BenchStage) async throws -> [BenchLine] {
        var lines: [BenchLine] = []
        for count in [10_000] + (stage.isFull ? [100_000] : []) {
            lines += try await DeviceFolder.with { try await measure(stage.scaled(count), stage, in: $0) }
        }
        return lines
    }

    private func measure(_ count: Int, _ stage: BenchStage, in folder: DeviceFolder) async throws -> [BenchLine] {
        let remote = try await folder.remotePull(count, stage)
        let (pull, plain) = try await folder.pulls(count, stage)
        let use = try await folder.measure(.use, count)
        let edits = try await folder.measure(.edits, count)
        let ratio = pull / plain
        let room = Double(edits.fileSize) / Double(max(edits.documentsSize, 1))
        return [
            BenchLine(
                title: "device: pull of \(count) documents into SQLite",
                own: pull.rate(count),
                target: "≥ 20000/s",
                isMet: Double(count) / (pull / .seconds(1)) >= 20_000
            ),
            BenchLine(
                title: "device: the same over HTTP from the running system",
                own: remote.rate(count),
                target: "–",
                isMet: nil
            ),
            BenchLine(
                title: "device: plain inserts of the same rows",
                own: plain.rate(count),
                result: "\(ratio.short) ×",
                target: "≤ 2.5 ×",
                isMet: ratio <= 2.5
            ),
            BenchLine(
                title: "device: get, of \(count)",
                own: use["get"].short,
                target: "< 0.05 ms",
                isMet: use["get"] < .microseconds(50)
            ),
            BenchLine(
                title: "device: post, of \(count)",
                own: use["post"].short,
                target: "< 0.3 ms",
                isMet: use["post"] < .microseconds(300)
            ),
            BenchLine(
                title: "device: the file after ten edits of \(count) documents",
                own: "\(edits.fileSize >> 20) MB",
                result: "\(room.short) ×",
                target: "≤ 2 ×",
                isMet: room <= 2
            ),
            folder.memory("\(count) documents"),
        ]
    }
}

/// A folder with the file of a device, which processes of their own fill and measure one after the other.
final class DeviceFolder {
    private let folder: URL
    private var memory: [DeviceStep: Int] = [:]

    private init() throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("fullsync-bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
    }

    /// Runs something with a folder, which is removed afterwards.
    static func with<Value>(_ body: (DeviceFolder) async throws -> Value) async throws -> Value {
        let folder = try DeviceFolder()
        defer { try? FileManager.default.removeItem(at: folder.folder) }
        return try await body(folder)
    }

    func measure(_ step: DeviceStep, _ count: Int, _ more: [String: String] = [:]) async throws -> DeviceFigures {
        let figures = try await BenchDeviceCommand.measure(step, count, in: folder, more)
        memory[step] = max(memory[step] ?? 0, figures.memory)
        return figures
    }

    /// The median time of a first pull of a technician's over HTTP; the file does not stay.
    func remotePull(_ count: Int, _ stage: BenchStage) async throws -> Duration {
        let database = try await stage.database("device \(count)", BenchDocuments(count: count), on: [stage.own])
        guard let user = try await stage.users().first else { throw DemoFailure("the demo has no technicians") }
        let credentials = DemoProject.Credentials(user: user, password: "\(user)-2026")
        let source = credentials.address(of: stage.own.administrator.base)
        let environment = [DeviceStep.sourceVariable: source, DeviceStep.databaseVariable: database]
        var pulls: [Duration] = []
        for round in 1...stage.rounds {
            pulls.append(try await measure(.remotePull, count, environment)["pull"])
            stage.progress("device over HTTP, \(round) of \(stage.rounds): \(pulls.last?.short ?? "")")
            for file in try FileManager.default.contentsOfDirectory(atPath: folder.path)
            where file.hasPrefix("remote.sqlite") {
                try FileManager.default.removeItem(at: folder.appendingPathComponent(file))
            }
        }
        return Figures(pulls).median
    }

    /// The median times of a first pull and of plain inserts of the same rows, in turns; the last pull's file stays.
    func pulls(_ count: Int, _ stage: BenchStage) async throws -> (pull: Duration, plain: Duration) {
        var (pulls, plains): ([Duration], [Duration]) = ([], [])
        for round in 1...stage.rounds {
            for file in try FileManager.default.contentsOfDirectory(atPath: folder.path) {
                try FileManager.default.removeItem(at: folder.appendingPathComponent(file))
            }
            pulls.append(try await measure(.pull, count)["pull"])
            plains.append(try await measure(.plain, count)["plain"])
            stage.progress("device, \(round) of \(stage.rounds): \(pulls.last?.short ?? "")")
        }
        return (Figures(pulls).median, Figures(plains).median)
    }

    /// The most memory that one of the device's processes has had; one that only inserts rows is none.
    func memory(_ title: String) -> BenchLine {
        let steps = memory.filter { $0.key != .plain }
        let most = steps.max { $0.value < $1.value }
        return BenchLine(
            title: "device: memory, \(title)",
            own: "\((most?.value ?? 0) >> 20) MB",
            peer: most?.key.rawValue ?? "",
            target: "< 100 MB",
            isMet: (most?.value ?? 0) < 100 << 20
        )
    }
}
