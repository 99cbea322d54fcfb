import Foundation
import PrivateServers

/// Keeps one part running: what ends is started again, after a pause that grows while it keeps failing.
actor Keeper {
    /// What the part is doing.
    enum State: Sendable, Hashable {
        case starting
        case ready
        case stopped
    }

    nonisolated let part: any Part
    private(set) var state = State.starting
    private(set) var restarts = 0
    /// When the running process was started.
    private(set) var since = Date()
    private let progress: ProgressReport
    /// Called when something about the part has changed.
    private let changed: @Sendable () async -> Void
    private var isStopping = false
    private var watching: Task<Void, Never>?

    init(_ part: any Part, progress: @escaping ProgressReport, changed: @escaping @Sendable () async -> Void) {
        self.part = part
        self.progress = progress
        self.changed = changed
    }

    /// Starts the part for the first time.
    ///
    /// A failure is final, unless somebody killed it.
    func start() async throws {
        since = Date()
        do {
            try await part.start()
        } catch let failure as PartFailure where failure.mayPass {
            progress("\(part.name) \(failure.reason); starting it again")
            restarts += 1
            try await part.start()
        }
        state = .ready
        await changed()
        watching = Task { await watch() }
    }

    /// Ends the part, and the keeping of it.
    func stop() async {
        isStopping = true
        watching?.cancel()
        await part.stop()
        await watching?.value
        // A start that was under way when the part was stopped may have brought it up once more.
        await part.stop()
        state = .stopped
    }

    private func watch() async {
        var pauses = Backoff()
        while !isStopping {
            let status = await part.waitForExit()
            if isStopping { return }
            state = .starting
            restarts += 1
            await changed()
            let cause = status.map { "ended (\($0))" } ?? "could not be started"
            progress("\(part.name) \(cause); starting it again")
            try? await Task.sleep(for: pauses.next(lastedSince: since))
            if isStopping { return }
            since = Date()
            do {
                try await part.start()
                state = .ready
                await changed()
                progress("\(part.name) is ready again")
            } catch {
                if isStopping { return }
                progress("\(error)")
            }
        }
    }
}

/// The pauses before new starts: short at first, so that a crash costs little, longer while it keeps crashing.
struct Backoff: Sendable {
    private var pause = Backoff.shortest

    private static let shortest = Duration.milliseconds(100)
    private static let longest = Duration.seconds(10)
    /// A process that lived for longer than this, in seconds, has not failed at its start.
    private static let recovery = 20.0

    /// The pause after a process that was started at `start` has ended.
    mutating func next(lastedSince start: Date, now: Date = Date()) -> Duration {
        if now.timeIntervalSince(start) > Self.recovery { pause = Self.shortest }
        defer { pause = min(pause * 2, Self.longest) }
        return pause
    }
}
