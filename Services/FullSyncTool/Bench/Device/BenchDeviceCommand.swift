import ArgumentParser
import Foundation
import PrivateServers

/// `fullsync bench-device`: one measurement of the device's half, in a process of its own so that its memory is no one
/// else's.
struct BenchDeviceCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench-device",
        abstract: "Measures one step of the device's half, for `fullsync bench`.",
        shouldDisplay: false
    )

    @Argument(help: "What is measured.")
    var step: DeviceStep

    @Argument(help: "Where the file is, and the figures go.")
    var directory: String

    @Option(help: "How many documents there are.")
    var documents = 10_000

    func validate() throws {
        guard (10...10_000_000).contains(documents) else {
            throw ValidationError("--documents must be between 10 and 10000000")
        }
    }

    func run() async throws {
        let folder = URL(fileURLWithPath: directory)
        var figures = try await step.measure(documents, in: folder)
        figures.memory = try DeviceFigures.peakMemory()
        try JSONEncoder().encode(figures).write(to: Self.figures(of: step, in: folder))
    }

    private static func figures(of step: DeviceStep, in folder: URL) -> URL {
        folder.appendingPathComponent("\(step.rawValue).json")
    }

    /// Has a process of its own measure a step.
    ///
    /// - Parameter more: What its environment has besides that of this process.
    static func measure(
        _ step: DeviceStep,
        _ documents: Int,
        in folder: URL,
        _ more: [String: String] = [:]
    ) async throws -> DeviceFigures {
        let log = folder.appendingPathComponent("log").path
        let child = try await ChildProcess.start(
            Command(
                try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe"),
                [configuration.commandName ?? "", step.rawValue, folder.path, "--documents", String(documents)],
                environment: ProcessInfo.processInfo.environment.merging(more) { $1 },
                output: .appended(to: log)
            )
        )
        let status = await child.waitForExit()
        guard status.isSuccess else {
            let text = (try? String(contentsOfFile: log, encoding: .utf8)) ?? ""
            throw DemoFailure("measuring \(step.rawValue) of the device: \(status) \(text.suffix(500))")
        }
        return try JSONDecoder().decode(DeviceFigures.self, from: Data(contentsOf: figures(of: step, in: folder)))
    }
}
