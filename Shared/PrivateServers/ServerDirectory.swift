import Foundation
import Glibc

/// What every private server keeps in its directory: the lock, the password, the log, who runs there.
struct ServerDirectory: Sendable {
    let server: String
    let path: String
    let log: LogFile

    /// - Parameter log: the path of the server's log; nil puts it into the directory.
    init(server: String, path: String, log: String?) {
        self.server = server
        self.path = path
        self.log = LogFile(log ?? path + "/server.log")
    }

    /// A failure of this server.
    func failure(_ reason: PrivateServerError.Reason, _ lastLines: [String] = []) -> PrivateServerError {
        PrivateServerError(server: server, directory: path, reason: reason, lastLines: lastLines)
    }

    /// Runs `body`, and names `step` in the error when it fails.
    func attempt<Result>(_ step: String, _ body: () throws -> Result) throws(PrivateServerError) -> Result {
        do {
            return try body()
        } catch {
            throw failure(.preparation("\(step): \(error)"))
        }
    }

    /// Makes a directory that only its owner enters, or that others pass through without seeing what is in it.
    func make(_ directory: String, othersMayPass: Bool = false) throws(PrivateServerError) {
        try attempt("cannot make \(directory)") {
            try FileManager.default.createDirectory(atPath: directory, withIntermediateDirectories: true)
            guard chmod(directory, othersMayPass ? 0o711 : 0o700) == 0 else {
                throw FileError(path: directory, errorNumber: errno)
            }
        }
    }

    /// Takes the directory for this process.
    func lock() throws(PrivateServerError) -> DirectoryLock {
        let lock: DirectoryLock?
        do throws(FileError) {
            lock = try DirectoryLock.take(path)
        } catch {
            throw failure(.preparation("cannot lock: \(error)"))
        }
        guard let lock else { throw failure(.directoryInUse) }
        return lock
    }

    /// Where the running server's identity is kept.
    private var processFile: String { path + "/process" }

    /// Remembers who runs here, for the case that nobody is left to end it.
    func remember(_ child: ChildProcess) {
        guard let identity = ProcessIdentity(pid: child.pid) else { return }
        try? TextFile.replace(processFile, with: identity.description + "\n")
    }

    /// Forgets who ran here.
    func forget() {
        unlink(processFile)
    }

    /// Ends a server that outlived its supervisor.
    func endLeftover(_ signal: Signal, _ progress: ProgressReport) async {
        guard let identity = TextFile.firstLine(of: processFile).flatMap({ ProcessIdentity($0) }) else { return }
        if identity.isRunning {
            progress("\(server): an earlier one still runs (process \(identity.pid)); ending it")
            identity.send(signal)
            if await !identity.hasEnded(within: .seconds(20)) {
                identity.send(.kill)
                _ = await identity.hasEnded(within: .seconds(5))
            }
        }
        forget()
    }
}
