import TestScripts
import TestSupport
import Testing

@testable import ScriptHosting

/// Whose turn it is, against the rules said one by one.
@Suite struct JobScheduleTests {
    @Test(arguments: [1, 2, 3, 5]) func `at random, each request that is given to a host is the one whose turn it is`(
        hosts: Int
    ) {
        var generator = SeededGenerator.announced()
        var model = Model(hosts: hosts, capacity: 30)
        for _ in 0..<4_000 { model.step(&generator) }
        #expect(model.given > 500)
    }

    @Test func `requests that are slow leave a host to others, until they have been quick for a while`() {
        var model = Model(hosts: 2, capacity: 100)
        for host in 0..<2 { model.schedule.ready(host, at: model.now) }
        for number in 0..<10 { model.schedule.add(.of(.owner("slow"), number, at: model.now)) }
        // Nobody knows yet, and nobody else waits.
        #expect(model.schedule.assign(at: model.now).map(\.job.identifier) == [0, 1])
        model.now += JobSchedule.slowness * 2
        for host in 0..<2 { model.schedule.ready(host, at: model.now) }
        #expect(model.schedule.assign(at: model.now).map(\.job.identifier) == [2])
        model.schedule.add(.of(.owner("quick"), 100, at: model.now))
        let quick = model.schedule.assign(at: model.now)
        #expect(quick.map(\.job.identifier) == [100])
        for other in quick { model.schedule.ready(other.host, at: model.now) }
        #expect(model.schedule.assign(at: model.now).isEmpty && model.schedule.count == 7)
        // The request that it has is done at once, and a minute passes.
        for host in 0..<2 { model.schedule.ready(host, at: model.now) }
        model.now += JobSchedule.memory
        #expect(model.schedule.assign(at: model.now).map(\.job.identifier) == [3, 4])
    }

    @Test func `a lane that fills the queue makes room for others, and not for itself`() {
        var schedule = JobSchedule(hosts: 1, capacity: 4)
        let now = ContinuousClock.now
        for number in 0..<4 { schedule.add(.of(.owner("a"), number, at: now)) }
        schedule.add(.of(.owner("a"), 4, at: now))
        #expect(schedule.refuse(after: .owner("a"))?.identifier == 4)
        for (number, refused) in [(10, 3), (11, 2), (12, 12)] {
            schedule.add(.of(.owner("b"), number, at: now))
            #expect(schedule.refuse(after: .owner("b"))?.identifier == refused)
        }
        schedule.ready(0, at: now)
        #expect(schedule.assign(at: now).map(\.job.identifier) == [0])
        schedule.ready(0, at: now)
        #expect(schedule.assign(at: now).map(\.job.identifier) == [10])
    }
}

/// A schedule, and what is known of it from outside.
private struct Model {
    var schedule: JobSchedule
    var now = ContinuousClock.now
    private(set) var given = 0
    private let hosts: Int
    private let capacity: Int
    private var nextNumber = 0
    /// What waits, each lane in its order.
    private var lines: [ScriptLane: [JobQueue.Job]] = [:]
    /// When each lane had its last turn, or came.
    private var turns: [ScriptLane: Int] = [:]
    private var clock = 0
    private var free: Set<Int> = []
    private var busy: [Int: (job: JobQueue.Job, since: ContinuousClock.Instant)] = [:]
    private var slowUntil: [ScriptLane: ContinuousClock.Instant] = [:]

    init(hosts: Int, capacity: Int) {
        (self.hosts, self.capacity) = (hosts, capacity)
        schedule = JobSchedule(hosts: hosts, capacity: capacity)
    }

    private var count: Int { lines.values.reduce(0) { $0 + $1.count } }

    mutating func step(_ generator: inout SeededGenerator) {
        switch Int.random(in: 0..<20, using: &generator) {
        case 0..<8: add(&generator)
        case 8..<14:
            let host = Int.random(in: 0..<hosts, using: &generator)
            end(host)
            schedule.ready(host, at: now)
            free.insert(host)
        case 14: lose(&generator)
        case 15: cancel(&generator)
        case 16:
            let moment = now - .seconds(Int.random(in: 1...200, using: &generator))
            let late = lines.values.joined().filter { $0.submitted < moment }.map(\.identifier)
            #expect(schedule.removeAll(submittedBefore: moment).map(\.identifier).sorted() == late.sorted())
            for identifier in late { forget(identifier) }
        default:
            now += .milliseconds([1, 100, 700, 2_000, 30_000][Int.random(in: 0..<5, using: &generator)])
        }
        assign()
        #expect(schedule.count == count)
    }

    private mutating func add(_ generator: inout SeededGenerator) {
        let lane = ScriptLane.functions(min(Int.random(in: 0..<8, using: &generator), 3))
        var job = JobQueue.Job.of(lane, nextNumber, at: now)
        if Bool.random(using: &generator) {
            job = .of(lane, nextNumber, preferring: Int.random(in: 0..<hosts, using: &generator), at: now)
        }
        nextNumber += 1
        schedule.add(job)
        append(job, at: lines[lane, default: []].count)
        assign()
        guard let refused = schedule.refuse(after: lane) else { return #expect(count <= capacity) }
        #expect(count == capacity + 1)
        let longest = lines.values.map(\.count).max()
        #expect(lines[refused.lane]?.count == longest)
        #expect(lines[refused.lane]?.last?.identifier == refused.identifier)
        forget(refused.identifier)
    }

    /// A host ends; what it had may come back.
    private mutating func lose(_ generator: inout SeededGenerator) {
        let host = Int.random(in: 0..<hosts, using: &generator)
        let job = busy[host]?.job
        if let job, count < capacity, Bool.random(using: &generator) {
            schedule.add(job, first: true)
            if lines[job.lane] == nil { turns[job.lane] = -clock }
            clock += 1
            lines[job.lane, default: []].insert(job, at: 0)
            assign()
        }
        end(host)
        schedule.gone(host, at: now)
    }

    private mutating func cancel(_ generator: inout SeededGenerator) {
        let identifier = Int.random(in: max(0, nextNumber - 40)...nextNumber, using: &generator)
        let isWaiting = lines.values.joined().contains { $0.identifier == identifier }
        #expect((schedule.remove(identifier) != nil) == isWaiting)
        forget(identifier)
    }

    private mutating func append(_ job: JobQueue.Job, at place: Int) {
        if lines[job.lane] == nil { takeTurn(job.lane) }
        lines[job.lane, default: []].insert(job, at: place)
    }

    private mutating func takeTurn(_ lane: ScriptLane) {
        clock += 1
        turns[lane] = clock
    }

    private mutating func forget(_ identifier: Int) {
        for (lane, jobs) in lines {
            let rest = jobs.filter { $0.identifier != identifier }
            lines[lane] = rest.isEmpty ? nil : rest
        }
    }

    private mutating func end(_ host: Int) {
        free.remove(host)
        guard let work = busy.removeValue(forKey: host), now - work.since > JobSchedule.slowness else { return }
        slowUntil[work.job.lane] = now + JobSchedule.memory
    }

    private func mayBegin(_ lane: ScriptLane) -> Bool {
        let isSlow = slowUntil[lane].map { $0 > now } ?? false
        let ofSlow = busy.values.count { slowUntil[$0.job.lane].map { $0 > now } ?? false }
        let own = busy.values.count { $0.job.lane == lane }
        if hosts == 1 { return true }
        return isSlow ? ofSlow < hosts - 1 : own < hosts - 1 || lines.count == 1
    }

    /// Has the schedule assign, and follows it step by step.
    private mutating func assign() {
        let assigned = schedule.assign(at: now)
        // What is under way for long is known to be slow when somebody is free for the next.
        if !free.isEmpty, !lines.isEmpty {
            for work in busy.values where now - work.since > JobSchedule.slowness {
                slowUntil[work.job.lane] = now + JobSchedule.memory
            }
        }
        for (host, job) in assigned {
            let ready = lines.keys.filter(mayBegin)
            #expect(job.lane == ready.min { turns[$0, default: 0] < turns[$1, default: 0] })
            let line = lines[job.lane, default: []]
            let preferring = line.prefix(JobSchedule.window).first { $0.preferred.map(free.contains) ?? false }
            #expect(job.identifier == (preferring ?? line.first)?.identifier)
            #expect(preferring == nil || preferring?.preferred == host)
            #expect(free.remove(host) != nil)
            forget(job.identifier)
            if lines[job.lane] != nil { takeTurn(job.lane) }
            busy[host] = (job, now)
            given += 1
        }
        #expect(free.isEmpty || !lines.keys.contains(where: mayBegin))
    }
}

extension JobQueue.Job {
    /// A request that nobody makes.
    fileprivate static func of(
        _ lane: ScriptLane,
        _ identifier: Int,
        preferring host: Int? = nil,
        at now: ContinuousClock.Instant
    ) -> JobQueue.Job {
        JobQueue.Job(
            identifier: identifier,
            lane: lane,
            preferred: host,
            submitted: now,
            request: { _ in .hello(version: 1, limits: HostLimits(.patient)) },
            complete: { _ in }
        )
    }
}
