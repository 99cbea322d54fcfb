/// The tasks of the followers of this process.
actor FollowerTasks {
    /// What a follower is made from: another version of its project makes another follower.
    struct Key: Hashable {
        let name: String
        let database: String
        let version: Int
    }

    typealias Body = @Sendable () async -> Void

    private var running: [Key: Task<Void, Never>] = [:]
    /// Those that were cancelled and have not ended yet.
    private var ending: [Key: Task<Void, Never>] = [:]

    /// Cancels what is not wanted any more, and starts what is not running.
    ///
    /// Nobody waits for what ends, which may take its time; but the same follower of the same database, also in another
    /// version, is started by a later call, once it has ended: the two would share a lease.
    func run(_ wanted: [Key: Body]) {
        for (key, task) in running where wanted[key] == nil {
            task.cancel()
            running[key] = nil
            ending[key] = task
        }
        for (key, body) in wanted where running[key] == nil && !isEnding(key) {
            let task = Task { await body() }
            running[key] = task
            Task {
                await task.value
                ended(key)
            }
        }
    }

    /// Cancels all and waits until they have ended.
    func end() async {
        run([:])
        for task in ending.values { await task.value }
    }

    private func isEnding(_ key: Key) -> Bool {
        ending.keys.contains { $0.name == key.name && $0.database == key.database }
    }

    private func ended(_ key: Key) {
        running[key] = nil
        ending[key] = nil
    }
}
