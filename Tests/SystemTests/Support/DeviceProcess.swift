import Foundation
import Glibc
import TestSupport

/// `fullsync device` as a process of its own, which is given commands and read line by line.
final class DeviceProcess {
    /// Who the device is, and where it keeps what it has.
    struct Identity: Sendable {
        let user: String
        let database: String
        let folder: String
        /// With it the device's files are encrypted.
        var key: String?
    }

    /// What is wrong with the machine below the process; see `DeviceFaults.h`.
    struct Faults: Sendable {
        /// In front of which change of one of its files the process is killed.
        var kill: Int?
        /// How many bytes fit on the disk.
        var room: Int?
        /// How many changes the full disk refuses until there is room again.
        var refused = 0
        /// By how many seconds the clock is wrong.
        var clock = 0

        fileprivate func environment(_ folder: String) -> [String: String] {
            var environment = ["FULLSYNC_FAULT_FOLDER": folder + "/", "FULLSYNC_FAULT_CLOCK": "\(clock)"]
            environment["FULLSYNC_FAULT_KILL"] = kill.map { "\($0)" }
            environment["FULLSYNC_FAULT_ROOM"] = room.map { "\($0)" }
            environment["FULLSYNC_FAULT_REFUSED"] = "\(refused)"
            environment["LD_PRELOAD"] = "\(Executables.directory)/libDeviceFaults.so"
            return environment
        }
    }

    private let process = Process()
    private let (input, output) = (Pipe(), Pipe())
    private var arriving: AsyncStream<Data>.AsyncIterator
    private var rest: [UInt8] = []

    init(_ identity: Identity, http: String, faults: Faults? = nil) throws {
        // A command to a device that has been killed is lost, and nothing else.
        signal(SIGPIPE, SIG_IGN)
        process.executableURL = URL(fileURLWithPath: Executables.path("fullsync"))
        process.arguments = [
            "device", "--user", identity.user, "--server", http, "--database", identity.database, "--directory",
            identity.folder,
        ]
        var environment = [
            "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "FULLSYNC_HOME": identity.folder + "/home",
            "FULLSYNC_DEVICE_PASSWORD": "canary-pw",
        ]
        environment["FULLSYNC_DEVICE_KEY"] = identity.key
        process.environment = environment.merging(faults?.environment(identity.folder) ?? [:]) { $1 }
        (process.standardInput, process.standardOutput) = (input, output)
        process.standardError = FileHandle.nullDevice
        let (chunks, arrival) = AsyncStream.makeStream(of: Data.self)
        arriving = chunks.makeAsyncIterator()
        try process.run()
        // A read stands still until the device says something, which is nothing for a thread that tasks share.
        Thread.detachNewThread { [output] in
            while true {
                let more = output.fileHandleForReading.availableData
                guard !more.isEmpty else { break }
                arrival.yield(more)
            }
            arrival.finish()
        }
    }

    func send(_ lines: [String]) throws {
        try input.fileHandleForWriting.write(contentsOf: Data(lines.map { $0 + "\n" }.joined().utf8))
    }

    /// The next line that the device prints; nil when it has ended.
    func next() async -> String? {
        while true {
            if let end = rest.firstIndex(of: UInt8(ascii: "\n")) {
                defer { rest.removeSubrange(...end) }
                return String(decoding: rest[..<end], as: UTF8.self)
            }
            guard let more = await arriving.next(isolation: #isolation) else { return nil }
            rest.append(contentsOf: more)
        }
    }

    func kill() {
        Glibc.kill(process.processIdentifier, SIGKILL)
        process.waitUntilExit()
    }

    /// Lets the device end by itself, as the application does when its user closes it.
    ///
    /// - Returns: Whether it was killed.
    func end() async -> Bool {
        try? input.fileHandleForWriting.close()
        while await next() != nil {}
        process.waitUntilExit()
        return process.terminationReason == .uncaughtSignal
    }
}
