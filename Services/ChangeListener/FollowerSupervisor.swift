import Contracts
import ControlStore
import DocumentStore
import JSON
import Logging
import Messaging
import Projects
import ScriptHosting
import ServiceLifecycle
import ServiceRuntime

/// Runs a follower for each database and for each listener of each live project, keeps the indexes of each database
/// fresh, and ends what is no more: as far as that is this process's share of all that change listeners do.
struct FollowerSupervisor: Service {
    let broker: MessageBroker
    let control: ControlStore
    let store: DocumentStore
    let catalogue: ProjectCatalogue
    let scripts: ScriptHostPool
    let views: ViewKeeper
    let signals: CommitSignals
    /// Names this process among all change listeners.
    let holder: String
    let logger: Logger
    let refusals = RefusedEvents()

    /// How often it looks for databases and projects that have come or gone.
    private static let period = Duration.milliseconds(500)
    /// How long this process counts as there when it does not say so: as long as its leases last.
    private static let membership = Duration.seconds(10)

    func run() async throws {
        await cancelWhenGracefulShutdown {
            let tasks = FollowerTasks()
            while !Task.isCancelled {
                do {
                    await tasks.run(try await wanted())
                } catch is CancellationError {
                    break
                } catch {
                    logger.warning("The databases could not be listed", metadata: ["error": "\(error)"])
                }
                try? await Task.sleep(for: Self.period)
            }
            // Not in this task, which is cancelled. Best effort: a membership ends by itself. Others may begin to wait
            // for the leases, which are given back one by one.
            await Task { try? await control.leave(as: holder) }.value
            await tasks.end()
        }
    }

    private func wanted() async throws -> [FollowerTasks.Key: FollowerTasks.Body] {
        typealias Key = FollowerTasks.Key
        var wanted: [Key: FollowerTasks.Body] = [:]
        let databases = Set(try await store.databaseNames())
        let projects = catalogue.current
        let shares = try await shares(of: projects.values)
        let publisher = ChangePublisher(broker: broker, control: control, refusals: refusals, logger: logger)
        for database in databases {
            if shares.isOwn(ViewKeeper.name, in: database, of: FollowerShares.everything) {
                let key = Key(name: ViewKeeper.name, database: database, version: 0)
                wanted[key] = { [views] in await views.run(database) }
            }
            let follower = follower(ChangePublisher.follower, in: database, startsNow: false)
            guard shares.isOwn(follower.name, in: database, of: FollowerShares.everything) else { continue }
            wanted[Key(name: follower.name, database: database, version: 0)] = { await follower.run(publisher.handle) }
        }
        let resting = Set(try await control.pauses(.listener).map { Listener.follower($0.name, of: $0.project) })
        for live in projects.values {
            for listener in live.project.listeners.values
            where listener.isEnabled && databases.contains(listener.database) {
                let name = Listener.follower(listener.name, of: live.project.name)
                guard !resting.contains(name),
                    shares.isOwn(name, in: listener.database, of: FollowerShares.group(of: live))
                else { continue }
                let follower = follower(
                    name,
                    in: listener.database,
                    startsNow: listener.start == .now,
                    readsBehindLog: listener.origin == .any
                )
                let matcher = matcher(listener, of: live.project)
                let key = Key(name: name, database: listener.database, version: live.version)
                wanted[key] = {
                    await ScriptOwner.$current.withValue(live.project.name) { await follower.run(matcher.handle) }
                }
            }
        }
        return wanted
    }

    /// What of all that is this process's: of a version that it cannot read, nothing.
    private func shares(of projects: some Collection<LiveProject>) async throws -> FollowerShares {
        let groups = [FollowerShares.everything] + projects.map(FollowerShares.group(of:))
        // Not cancelled: what the server goes on with would come behind the leaving.
        let joining = Task { try await control.join(groups, as: holder, for: Self.membership) }
        return FollowerShares(own: holder, members: try await joining.value)
    }

    private func follower(
        _ name: String,
        in database: String,
        startsNow: Bool,
        readsBehindLog: Bool = false
    ) -> Follower {
        Follower(
            name: name,
            database: database,
            control: control,
            store: store,
            signals: signals,
            holder: holder,
            logger: logger,
            startsNow: startsNow,
            readsBehindLog: readsBehindLog
        )
    }

    private func matcher(_ listener: Listener, of project: Project) -> ListenerMatcher {
        let line = RunLine(project: project.name, cause: .listener, source: listener.name)
        return ListenerMatcher(
            runs: ListenerRuns(project: project.name, listener: listener),
            filter: listener.filter(of: project, scripts: scripts, logger: logger),
            store: store,
            control: control,
            announce: { [broker] runs in
                try await broker.tellWorkers(of: runs, line)
            },
            logger: logger
        )
    }
}
