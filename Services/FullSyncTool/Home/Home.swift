import Foundation
import Glibc
import JSON
import PrivateServers

/// The directory that holds everything of one running copy.
struct Home: Sendable {
    /// Absolute.
    let path: String

    var logs: String { path + "/logs" }
    var endpointsFile: String { path + "/endpoints.json" }
    var adminPasswordFile: String { path + "/admin-password" }
    /// The secret between the demo back end and the services.
    var erpTokenFile: String { path + "/demo-erp-token" }
    var supervisorLog: LogFile { log(of: "fullsync") }
    var statusFile: String { runDirectory + "/status.json" }
    private var runDirectory: String { path + "/run" }
    private var supervisorFile: String { runDirectory + "/supervisor" }

    /// The home at `path`, whether it is there yet or not.
    init(_ path: String) {
        let current = FileManager.default.currentDirectoryPath
        self.path = path.hasPrefix("/") ? path : "\(current)/\(path)"
    }

    /// Makes its directories.
    ///
    /// Only their owner reads what is in them; root's PostgreSQL, which runs under another account, passes through the
    /// first.
    func create() throws {
        try Self.make(path, mode: Account.isRoot ? 0o711 : 0o700)
        try Self.make(logs, mode: 0o700)
        try Self.make(runDirectory, mode: 0o700)
    }

    /// The log of the part called `name`.
    func log(of name: String) -> LogFile { LogFile("\(logs)/\(name).log") }

    /// Where the service called `name` announces its addresses.
    func announceFile(of name: String) -> String { "\(runDirectory)/\(name).json" }

    /// The port of the endpoint that runs here; nil when none is known.
    var endpointPort: Int? {
        // What a supervisor that was killed has left says nothing.
        guard supervisor != nil, let text = try? TextFile.read(endpointsFile),
            let endpoints = try? JSONValue(parsing: text)
        else { return nil }
        return endpoints["http"]?.stringValue.flatMap { URLComponents(string: $0)?.port }
    }

    /// Where the process of the service called `name` is remembered.
    func processFile(of name: String) -> String { "\(runDirectory)/\(name).process" }

    /// Takes the home for this process.
    ///
    /// - Throws: ``StartFailure/alreadyRunning(home:pid:)`` when another one has it.
    func lock() throws -> DirectoryLock {
        guard let lock = try DirectoryLock.take(path) else {
            throw StartFailure.alreadyRunning(home: path, pid: supervisor?.pid)
        }
        return lock
    }

    /// The process that runs the system here, when one does.
    var supervisor: ProcessIdentity? {
        TextFile.firstLine(of: supervisorFile).flatMap { ProcessIdentity($0) }.flatMap { $0.isRunning ? $0 : nil }
    }

    /// Notes that this process runs the system here, or that it does no more.
    func setSupervisor(_ running: Bool) throws {
        guard running, let identity = ProcessIdentity.current else {
            unlink(supervisorFile)
            return
        }
        try TextFile.replace(supervisorFile, with: identity.description + "\n")
    }

    /// Removes what says where the parts are and how they do.
    func forgetAddresses() {
        for file in [endpointsFile, statusFile] { unlink(file) }
    }

    /// Ends the services that outlived a supervisor that was killed.
    ///
    /// The kernel has told each of them to end; this waits for it, and insists.
    ///
    /// - Returns: whether any still ran.
    @discardableResult
    func endLeftovers(_ progress: (String) -> Void) async -> Bool {
        let names = (try? FileManager.default.contentsOfDirectory(atPath: runDirectory)) ?? []
        let files =
            names.filter { $0.hasSuffix(".process") }.map { "\(runDirectory)/\($0)" }
            + ["\(path)/rabbitmq/process", "\(path)/postgres/process"]
        var found = false
        for file in files {
            if let process = TextFile.firstLine(of: file).flatMap({ ProcessIdentity($0) }), process.isRunning {
                found = true
                progress("Process \(process.pid) is left from an earlier run; ending it.")
                process.send(.interrupt)
                if await !process.hasEnded(within: .seconds(10)) { process.send(.kill) }
                _ = await process.hasEnded(within: .seconds(5))
            }
            unlink(file)
        }
        return found
    }

    private static func make(_ directory: String, mode: mode_t) throws {
        try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
        guard chmod(directory, mode) == 0 else { throw FileError(path: directory, errorNumber: errno) }
    }
}
