import Foundation
import Glibc
import Spawning

/// Where a private PostgreSQL keeps its data, and how that comes to be.
///
/// PostgreSQL refuses to run as root, so root's servers run as the account `postgres`, which owns the data. When that
/// account cannot reach the directory (a clone under `/root`), the data are made under `/var/lib/fullsync` and the
/// directory holds a link to them.
struct PostgreSQLDataDirectory: Sendable {
    let directory: ServerDirectory
    /// The account that the server runs as; nil is the account of this process.
    let account: Account?
    /// The superuser's name in PostgreSQL.
    let user: String
    /// The file with that user's password.
    let passwordFile: String

    /// Where the link or the data themselves are.
    var path: String { directory.path + "/data" }

    /// The data's true place, for the server.
    var resolved: String {
        URL(fileURLWithPath: path).resolvingSymlinksInPath().path
    }

    /// The major version that made the data, or nil when there are none.
    var version: Int? {
        TextFile.firstLine(of: path + "/PG_VERSION").flatMap { Int($0) }
    }

    /// Refuses data that belong to another account, as when root and an ordinary user share a home.
    func checkOwner() throws(PrivateServerError) {
        var information = stat()
        guard stat(path, &information) == 0 else { return }
        guard information.st_uid == account?.user ?? geteuid() else {
            throw directory.failure(.foreignData("data of another account (user id \(information.st_uid))"))
        }
    }

    /// Makes the data with `initdb`, under another name until they are whole.
    func create(_ installation: PostgreSQLInstallation, _ progress: ProgressReport) async throws(PrivateServerError) {
        let place = try await place(progress)
        let unfinished = place + ".new"
        try directory.attempt("cannot make \(unfinished)") {
            try? FileManager.default.removeItem(atPath: unfinished)
            try FileManager.default.createDirectory(
                atPath: unfinished,
                withIntermediateDirectories: false,
                attributes: [.posixPermissions: 0o700]
            )
            try own(unfinished)
        }
        let passwords = try readablePassword(in: unfinished)
        defer { unlink(passwords) }
        try await run(
            installation.program("initdb"),
            [
                "--pgdata", unfinished, "--username", user, "--pwfile", passwords, "--auth", "scram-sha-256",
                "--encoding", "UTF8", "--locale", "C.UTF-8", "--lc-collate", "C", "--lc-messages", "C",
                "--data-checksums", "--no-instructions",
            ],
            as: account
        )
        try directory.attempt("cannot keep the new data") {
            guard rename(unfinished, place) == 0 else { throw FileError(path: place, errorNumber: errno) }
        }
    }

    /// Runs one of PostgreSQL's programs to its end.
    func run(
        _ program: String,
        _ arguments: [String],
        password: String? = nil,
        as account: Account? = nil
    ) async throws(PrivateServerError) {
        let offset = directory.log.size
        var environment = ["LC_ALL": "C.UTF-8", "PATH": "/usr/bin:/bin"]
        environment["PGPASSWORD"] = password
        let command = Command(
            program,
            arguments,
            environment: environment,
            output: .appended(to: directory.log.path),
            account: account
        )
        let status: ChildProcess.ExitStatus
        do throws(SpawnError) {
            status = try await ChildProcess.start(command).waitForExit()
        } catch {
            throw directory.failure(.preparation("\(error)"))
        }
        guard status.isSuccess else {
            let name = program.split(separator: "/").last ?? "program"
            let lines = directory.log.lastLines(after: offset)
            throw directory.failure(.preparation("\(name) failed (\(status)); its last lines:"), lines)
        }
    }

    /// Chooses where the data go: here, or where the server's account can reach them.
    private func place(_ progress: ProgressReport) async throws(PrivateServerError) -> String {
        if let target = try? FileManager.default.destinationOfSymbolicLink(atPath: path) {
            try makeAncestors(of: target)
            return target
        }
        guard let account, await !canReach(directory.path, account) else { return path }
        let target = "/var/lib/fullsync/\(UUID().uuidString.lowercased())/data"
        progress("\(directory.server): '\(account.name)' cannot enter \(directory.path); its data go to \(target)")
        try makeAncestors(of: target)
        try directory.attempt("cannot link \(path)") {
            try FileManager.default.createSymbolicLink(atPath: path, withDestinationPath: target)
        }
        return target
    }

    /// Makes the directories above `target`, which others pass through and cannot read.
    private func makeAncestors(of target: String) throws(PrivateServerError) {
        let parent = (target as NSString).deletingLastPathComponent
        try directory.make((parent as NSString).deletingLastPathComponent, othersMayPass: true)
        try directory.make(parent, othersMayPass: true)
    }

    /// Whether `account` can enter the directory at `path`: asked of the system, which knows every rule.
    private func canReach(_ path: String, _ account: Account) async -> Bool {
        let command = Command("/usr/bin/test", ["-x", path], account: account)
        return await (try? ChildProcess.start(command).waitForExit())?.isSuccess ?? false
    }

    /// Gives a file or directory to the server's account.
    private func own(_ path: String) throws(FileError) {
        guard let account else { return }
        guard chown(path, account.user, account.group) == 0 else { throw FileError(path: path, errorNumber: errno) }
    }

    /// A copy of the password that the server's account can read, beside the data.
    private func readablePassword(in unfinished: String) throws(PrivateServerError) -> String {
        let copy = unfinished + ".password"
        try directory.attempt("cannot pass the password on") {
            try TextFile.replace(copy, with: try TextFile.secret(at: passwordFile) + "\n")
            try own(copy)
        }
        return copy
    }
}
