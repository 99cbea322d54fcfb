import PrivateServers

/// A private server as a part of the system.
actor ServerPart: Part {
    nonisolated let name: String
    nonisolated let log: LogFile
    let operations: String? = nil
    private let server: any PrivateServer
    private let progress: ProgressReport
    /// Where it listens, credentials included; known after the first start.
    private(set) var address: String?

    init(_ server: any PrivateServer, progress: @escaping ProgressReport) {
        name = server.name
        log = server.log
        self.server = server
        self.progress = progress
    }

    var pid: Int32? {
        get async { await server.pid }
    }

    func start() async throws {
        address = try await server.start(progress)
    }

    func waitForExit() async -> ChildProcess.ExitStatus? {
        await server.waitForExit()
    }

    func stop() async {
        await server.stop()
    }
}
