import Foundation
import PrivateServers

/// A service of ours as a part of the system: a child process that announces itself and answers `/_up`.
actor ServicePart: Part {
    nonisolated var name: String { definition.name }
    nonisolated let log: LogFile
    private let definition: ServiceDefinition
    private let home: Home
    private let patience: Duration
    private var child: ChildProcess?
    /// What the running process has said of itself.
    private(set) var announcement: ServiceAnnouncement?
    /// The port that the first process took, where it is to stay.
    private var port: String?

    /// - Parameter patience: how long it may take to be ready.
    init(_ definition: ServiceDefinition, home: Home, patience: Duration) {
        self.definition = definition
        self.home = home
        self.patience = patience
        log = home.log(of: definition.name)
    }

    var pid: Int32? { child?.exit == nil ? child?.pid : nil }
    var operations: String? { announcement?.operations }

    func start() async throws {
        let offset = log.size
        try await launch()
        try await awaitStep("was not ready", after: offset) { [announcement] in
            guard let announcement else { return true }
            return await ReadinessProbe.isReady(announcement.operations)
        }
    }

    /// Starts the process and waits until it listens; it may not be ready yet.
    func launch() async throws {
        guard child?.exit != nil || child == nil else { return }
        let offset = log.size
        let file = home.announceFile(of: name)
        try? FileManager.default.removeItem(atPath: file)
        announcement = nil
        var environment = definition.environment
        environment["FULLSYNC_ANNOUNCE_FILE"] = file
        if let variable = definition.stickyPort { environment[variable] = port ?? "0" }
        let child = try await ChildProcess.start(
            Command(
                definition.executable,
                environment: environment,
                directory: FileManager.default.currentDirectoryPath,
                output: .appended(to: log.path)
            )
        )
        self.child = child
        if let identity = ProcessIdentity(pid: child.pid) {
            try TextFile.replace(home.processFile(of: name), with: identity.description + "\n")
        }
        try await awaitStep("did not announce itself", after: offset) {
            ServiceAnnouncement(path: file, pid: child.pid) != nil
        }
        announcement = ServiceAnnouncement(path: file, pid: child.pid)
        port = announcement?.http.flatMap { URLComponents(string: $0)?.port }.map(String.init) ?? port
    }

    func waitForExit() async -> ChildProcess.ExitStatus? {
        await child?.waitForExit()
    }

    func stop() async {
        await child?.end([(.terminate, .seconds(20))])
        child = nil
        try? FileManager.default.removeItem(atPath: home.processFile(of: name))
        try? FileManager.default.removeItem(atPath: home.announceFile(of: name))
    }

    /// Looks again until `condition` holds; the end of the process, and too long a wait, are failures.
    private func awaitStep(_ failure: String, after offset: Int, _ condition: () async -> Bool) async throws {
        let deadline = ContinuousClock.now + patience
        while await !condition() {
            if let status = child?.exit {
                let killed = if case .signal = status { true } else { false }
                throw PartFailure(
                    part: name,
                    reason: "ended before it was ready (\(status))",
                    lastLines: log.lastLines(after: offset),
                    mayPass: killed
                )
            }
            guard ContinuousClock.now < deadline else {
                let lines = log.lastLines(after: offset)
                throw PartFailure(part: name, reason: "\(failure) within \(patience)", lastLines: lines)
            }
            try await Task.sleep(for: .milliseconds(25))
        }
    }
}
