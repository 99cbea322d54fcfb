import Foundation
import Glibc
import Synchronization
import TestSupport
import Testing

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

        fileprivate func environment(_ folder: String) throws -> [String: String] {
            let library = "\(Executables.directory)/libDeviceFaults.so"
            // The loader goes on without one that is not there.
            try #require(FileManager.default.fileExists(atPath: library))
            var environment = ["FULLSYNC_FAULT_FOLDER": folder + "/", "FULLSYNC_FAULT_CLOCK": "\(clock)"]
            environment["FULLSYNC_FAULT_KILL"] = kill.map { "\($0)" }
            environment["FULLSYNC_FAULT_ROOM"] = room.map { "\($0)" }
            environment["FULLSYNC_FAULT_REFUSED"] = "\(refused)"
            environment["LD_PRELOAD"] = library
            return environment
        }
    }

    private let process = Process()
    private let (input, output) = (Pipe(), Pipe())
    private var arriving: AsyncStream<Data>.AsyncIterator
    private var rest: [UInt8] = []
    /// The file with what the device says of itself, beside its folder: a write there is none of a device's.
    private let complaints: String
    private let watchdog: Watchdog

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
        process.environment = try environment.merging(faults?.environment(identity.folder) ?? [:]) { $1 }
        (process.standardInput, process.standardOutput) = (input, output)
        complaints = identity.folder + ".stderr"
        try Data().write(to: URL(fileURLWithPath: complaints))
        process.standardError = try FileHandle(forWritingTo: URL(fileURLWithPath: complaints))
        let (chunks, arrival) = AsyncStream.makeStream(of: Data.self)
        arriving = chunks.makeAsyncIterator()
        try process.run()
        // A read stands still until the device says something, which is nothing for a thread that tasks share.
        Thread.detachNewThread { [process, output] in
            while true {
                let more = output.fileHandleForReading.availableData
                guard !more.isEmpty else { break }
                arrival.yield(more)
            }
            process.waitUntilExit()
            arrival.finish()
        }
        watchdog = Watchdog(of: process)
    }

    deinit {
        watchdog.cancel()
        if process.isRunning { Glibc.kill(process.processIdentifier, SIGKILL) }
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

    /// Ends the device at once, whatever it does.
    func kill() async {
        if process.isRunning { Glibc.kill(process.processIdentifier, SIGKILL) }
        _ = await isKilled()
    }

    /// Lets the device end by itself, as the application does when its user closes it.
    ///
    /// - Returns: Whether it was killed.
    func end() async -> Bool {
        try? input.fileHandleForWriting.close()
        return await isKilled()
    }

    /// Waits for the device's end; one that crashed or hung is an issue.
    private func isKilled() async -> Bool {
        while await next() != nil {}
        watchdog.cancel()
        // A test that is cancelled waits for nothing, and the device goes with this object.
        guard !process.isRunning else { return false }
        let signal = process.terminationReason == .uncaughtSignal ? process.terminationStatus : 0
        if watchdog.hasBitten {
            Issue.record("the device did not end in \(Watchdog.longestLife): \(said)")
        } else if signal != 0, signal != SIGKILL {
            Issue.record("signal \(signal) ended the device: \(said)")
        }
        return signal == SIGKILL
    }

    /// The end of what the device said of itself.
    private var said: String {
        let text = (try? Data(contentsOf: URL(fileURLWithPath: complaints))) ?? Data()
        return String(decoding: text.suffix(4_000), as: UTF8.self)
    }
}

/// Kills a device that does not end, which is an issue then.
private final class Watchdog: Sendable {
    static let longestLife = Duration.seconds(600)

    private let mark = Atomic(false)
    private let task = Mutex<Task<Void, Never>?>(nil)
    /// Whether it has killed the device.
    var hasBitten: Bool { mark.load(ordering: .acquiring) }

    init(of process: Process) {
        let running = Task { [weak self] in
            guard (try? await Task.sleep(for: Self.longestLife)) != nil, process.isRunning else { return }
            self?.mark.store(true, ordering: .releasing)
            Glibc.kill(process.processIdentifier, SIGKILL)
        }
        task.withLock { $0 = running }
    }

    func cancel() { task.withLock { $0?.cancel() } }
}
