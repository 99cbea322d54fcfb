package import Logging
package import Projects
import Synchronization

/// A project as it is live.
package struct LiveProject: Sendable {
    package let version: Int
    package let project: Project
}

/// A version that is deployed cannot be used by this process: most often a symbol of it is not set here.
package struct UnreadableProject: Error, CustomStringConvertible {
    package let name: String
    package let version: Int

    package var description: String { "version \(version) of the project '\(name)' cannot be used by this process" }
}

/// The deployed projects, parsed, as this process sees them: kept in step with what is live, by looking and by being
/// told.
///
/// A version that this process cannot read (a symbol of it is not set here) is logged and left out, so that it harms no
/// other project.
package final class ProjectCatalogue: Sendable {
    private let control: ControlStore
    private let symbols: @Sendable (String) -> String?
    private let logger: Logger
    private let state = Mutex(State())
    private let pokes = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))

    private struct State {
        var live: [String: LiveProject] = [:]
        /// Versions that could not be read, so that they are complained of once.
        var unreadable: [String: Int] = [:]
        /// Versions that are not live any more and still have runs.
        var earlier: [String: [Int: Project]] = [:]
    }

    /// How often it looks without being told.
    private static let period = Duration.seconds(1)
    private static let earlierLimit = 16

    /// - Parameter symbols: The value of a project's symbol in this process; nil when it is not set.
    package init(_ control: ControlStore, symbols: @escaping @Sendable (String) -> String?, logger: Logger) {
        self.control = control
        self.symbols = symbols
        self.logger = logger
    }

    /// The live projects by name.
    package var current: [String: LiveProject] { state.withLock { $0.live } }

    /// Looks now, because something may have changed.
    package func poke() {
        pokes.continuation.yield()
    }

    /// Keeps in step until the task is cancelled.
    package func run() async throws {
        // The clock pokes, too, so that there is one thing to wait for.
        let clock = Task {
            while true {
                try await Task.sleep(for: Self.period)
                poke()
            }
        }
        defer { clock.cancel() }
        poke()
        for await _ in pokes.stream {
            do {
                try await refresh()
            } catch is CancellationError {
                return
            } catch {
                logger.warning("The deployed projects could not be read", metadata: ["error": "\(error)"])
            }
        }
    }

    /// Reads the versions that have become live since the last time.
    package func refresh() async throws {
        let versions = try await control.liveVersions()
        for (name, version) in versions.sorted(by: { $0.key < $1.key }) {
            let isKnown = state.withLock { $0.live[name]?.version == version || $0.unreadable[name] == version }
            guard !isKnown else { continue }
            do {
                guard let project = try await read(name, version: version) else { continue }
                state.withLock { $0.live[name] = LiveProject(version: version, project: project) }
                logger.info("Project is live", metadata: ["project": "\(name)", "version": "\(version)"])
            } catch is UnreadableProject {
                state.withLock { $0.unreadable[name] = version }
            }
        }
        state.withLock { state in
            state.live = state.live.filter { versions[$0.key] != nil }
            state.unreadable = state.unreadable.filter { versions[$0.key] == $0.value }
        }
    }

    /// That version of a project, live or not; nil when there is none.
    ///
    /// - Throws: ``UnreadableProject``, or what PostgreSQL throws.
    package func project(_ name: String, version: Int) async throws -> Project? {
        let known = state.withLock { state in
            state.live[name].flatMap { $0.version == version ? $0.project : nil } ?? state.earlier[name]?[version]
        }
        if let known { return known }
        // What it lacks comes with another process: to read it again at each call would only fill the log.
        guard state.withLock({ $0.unreadable[name] }) != version else {
            throw UnreadableProject(name: name, version: version)
        }
        guard let project = try await read(name, version: version) else { return nil }
        state.withLock { state in
            if state.earlier[name, default: [:]].count >= Self.earlierLimit { state.earlier[name] = [:] }
            state.earlier[name, default: [:]][version] = project
        }
        return project
    }

    private func read(_ name: String, version: Int) async throws -> Project? {
        guard let deployed = try await control.project(name, version: version) else { return nil }
        do throws(ProjectProblems) {
            return try Project.read(deployed.files, symbol: symbols)
        } catch {
            logger.error(
                "A project cannot be used by this process",
                metadata: ["project": "\(name)", "version": "\(version)", "problems": "\(error)"]
            )
            throw UnreadableProject(name: name, version: version)
        }
    }
}
