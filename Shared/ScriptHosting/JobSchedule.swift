/// Which of the requests that wait goes to which host: the rules of ``JobQueue``, without its tasks.
///
/// - Lanes take turns; within a lane the first comes first, but for one that prefers a host that is free.
/// - While others wait, no lane has all hosts.
/// - Lanes whose requests are slow have all hosts but one among them, so that the quick requests of others always find
///   one. Where there is one host alone, lanes only take turns.
/// - What is too much is refused; when the queue is full, the lane that has most makes room for those that have less.
struct JobSchedule {
    typealias HostKey = JobQueue.HostKey
    typealias Job = JobQueue.Job
    typealias Instant = ContinuousClock.Instant

    private struct Work {
        let lane: ScriptLane
        let since: Instant
    }

    /// How long a request takes that is slow, and for how long its lane is then held to be so.
    static let slowness = Duration.seconds(1)
    static let memory = Duration.seconds(60)
    /// How far from the head of its lane a request is looked for that prefers a host that is free.
    static let window = 16

    private let hosts: Int
    private let capacity: Int
    /// How many requests wait.
    private(set) var count = 0
    private var waiting: [ScriptLane: [Job]] = [:]
    /// The lanes in which requests wait, in the order of their turns.
    private var turns: [ScriptLane] = []
    private var free: [HostKey] = []
    private var busy: [HostKey: Work] = [:]
    /// The lanes that are slow, until then.
    private var slow: [ScriptLane: Instant] = [:]

    /// - Parameters:
    ///   - hosts: How many hosts there are when all of them run.
    ///   - capacity: How many requests may wait.
    init(hosts: Int, capacity: Int) {
        self.hosts = hosts
        self.capacity = capacity
    }

    /// Puts a request in line, or back in front of its lane.
    mutating func add(_ job: Job, first: Bool = false) {
        if waiting[job.lane] == nil { turns.insert(job.lane, at: first ? 0 : turns.count) }
        let place = first ? 0 : waiting[job.lane, default: []].count
        waiting[job.lane, default: []].insert(job, at: place)
        count += 1
    }

    /// Takes out of the line what is too much since a request of that lane was put at its end.
    mutating func refuse(after lane: ScriptLane) -> Job? {
        guard count > capacity, let own = waiting[lane]?.count else { return nil }
        let lengths = turns.map { (lane: $0, count: waiting[$0]?.count ?? 0) }
        guard let longest = lengths.max(by: { $0.count < $1.count }), longest.count > own else {
            return remove(at: own - 1, of: lane)
        }
        return remove(at: longest.count - 1, of: longest.lane)
    }

    /// A host is ready for a request; what it had is done.
    mutating func ready(_ host: HostKey, at now: Instant) {
        gone(host, at: now)
        free.append(host)
    }

    /// A host is there no more.
    mutating func gone(_ host: HostKey, at now: Instant) {
        free.removeAll { $0 == host }
        guard let work = busy.removeValue(forKey: host), now - work.since > Self.slowness else { return }
        slow[work.lane] = now + Self.memory
    }

    /// Takes a request that waits out of the line.
    mutating func remove(_ identifier: Int) -> Job? {
        for lane in turns {
            let index = waiting[lane, default: []].firstIndex { $0.identifier == identifier }
            if let index { return remove(at: index, of: lane) }
        }
        return nil
    }

    /// Takes those out of the line that were submitted before that moment.
    mutating func removeAll(submittedBefore moment: Instant) -> [Job] {
        var late: [Job] = []
        for lane in turns where waiting[lane, default: []].contains(where: { $0.submitted < moment }) {
            late += waiting[lane, default: []].filter { $0.submitted < moment }
            waiting[lane]?.removeAll { $0.submitted < moment }
            if waiting[lane]?.isEmpty == true { waiting[lane] = nil }
        }
        turns.removeAll { waiting[$0] == nil }
        count -= late.count
        return late
    }

    /// Takes everything out of the line.
    mutating func removeAll() -> [Job] {
        defer { (waiting, turns, count) = ([:], [], 0) }
        return waiting.values.flatMap(\.self)
    }

    /// Hands requests to the hosts that are free, as long as one may have one.
    mutating func assign(at now: Instant) -> [(host: HostKey, job: Job)] {
        guard !free.isEmpty, !turns.isEmpty else { return [] }
        for work in busy.values where now - work.since > Self.slowness { slow[work.lane] = now + Self.memory }
        if !slow.isEmpty { slow = slow.filter { $0.value > now } }
        var assigned: [(host: HostKey, job: Job)] = []
        while !free.isEmpty, let lane = turns.first(where: { mayBegin($0) }) {
            let index = waiting[lane, default: []].prefix(Self.window).firstIndex { job in
                job.preferred.map(free.contains) ?? false
            }
            let job = remove(at: index ?? 0, of: lane)
            let place = free.firstIndex { $0 == job.preferred } ?? 0
            let host = free.remove(at: place)
            busy[host] = Work(lane: lane, since: now)
            if waiting[lane] != nil {
                turns.removeAll { $0 == lane }
                turns.append(lane)
            }
            assigned.append((host, job))
        }
        return assigned
    }

    /// Whether a host that is free may have a request of the lane.
    private func mayBegin(_ lane: ScriptLane) -> Bool {
        guard hosts > 1 else { return true }
        if slow[lane] != nil { return busy.values.count { slow[$0.lane] != nil } < hosts - 1 }
        return turns.count == 1 || busy.values.count { $0.lane == lane } < hosts - 1
    }

    private mutating func remove(at index: Int, of lane: ScriptLane) -> Job {
        count -= 1
        guard waiting[lane]?.count == 1, let job = waiting.removeValue(forKey: lane)?.first else {
            return waiting[lane, default: []].remove(at: index)
        }
        turns.removeAll { $0 == lane }
        return job
    }
}
