/// The pool's book: which connections are free, how many there are, and who waits, first come first served.
///
/// Pure: it decides, and the pool acts outside its lock. A connection that is given back goes to the first who waits;
/// a place that becomes free is given to the first who waits too, who then connects.
struct PoolState<Connection, Waiter> {
    struct Idle {
        let connection: Connection
        let since: ContinuousClock.Instant
    }

    /// What somebody who wants a connection is to do.
    enum Acquisition {
        case use(Connection)
        case connect
        case wait(id: UInt64)
        case refuse
        case closed
    }

    /// What follows from a connection or a place becoming free.
    enum Handover {
        case nothing
        /// The waiter gets a connection, or with `nil` the place for one.
        case give(Waiter, Connection?)
        case discard(Connection)
    }

    let capacity: Int
    let maximumWaiters: Int
    /// Free connections, the one used last at the end.
    private(set) var idle: [Idle] = []
    /// Connections that exist or are being made.
    private(set) var open = 0
    private(set) var isClosed = false
    private var waiters: [UInt64: Waiter] = [:]
    /// Those who wait, in order; an identifier that is no longer in `waiters` is skipped.
    private var queue: [UInt64] = []
    private var head = 0
    private var lastID: UInt64 = 0

    init(capacity: Int, maximumWaiters: Int) {
        self.capacity = max(1, capacity)
        self.maximumWaiters = maximumWaiters
    }

    var waiting: Int { waiters.count }
    var busy: Int { open - idle.count }

    mutating func acquire() -> Acquisition {
        guard !isClosed else { return .closed }
        if let last = idle.popLast() { return .use(last.connection) }
        if open < capacity {
            open += 1
            return .connect
        }
        guard waiters.count < maximumWaiters else { return .refuse }
        lastID += 1
        return .wait(id: lastID)
    }

    /// Puts the one who was told to wait into the queue; when a connection has become free meanwhile, it is given.
    mutating func enqueue(_ waiter: Waiter, id: UInt64) -> Handover {
        waiters[id] = waiter
        queue.append(id)
        if isClosed { return .nothing }
        if let last = idle.popLast() { return handOver(last.connection) }
        guard open < capacity else { return .nothing }
        open += 1
        return handOver(nil)
    }

    /// Takes a waiter out, who has given up; `nil` when something was given already.
    mutating func remove(_ id: UInt64) -> Waiter? {
        defer {
            if waiters.isEmpty {
                queue.removeAll(keepingCapacity: true)
                head = 0
            }
        }
        return waiters.removeValue(forKey: id)
    }

    /// A connection comes back and can be used again.
    mutating func release(_ connection: Connection, at now: ContinuousClock.Instant) -> Handover {
        if isClosed {
            open -= 1
            return .discard(connection)
        }
        if waiters.isEmpty {
            idle.append(Idle(connection: connection, since: now))
            return .nothing
        }
        return handOver(connection)
    }

    /// A connection is gone, or could not be made: its place is free.
    mutating func vacate() -> Handover {
        open -= 1
        guard !isClosed, !waiters.isEmpty else { return .nothing }
        open += 1
        return handOver(nil)
    }

    /// Takes out what has been free since before `limit`.
    mutating func expire(before limit: ContinuousClock.Instant) -> [Connection] {
        let count = idle.prefix { $0.since < limit }.count
        let expired = idle.prefix(count).map(\.connection)
        idle.removeFirst(count)
        open -= count
        return expired
    }

    /// Takes out all that is free and all who wait, and lends nothing any more.
    mutating func close() -> (connections: [Connection], waiters: [Waiter]) {
        isClosed = true
        let result = (idle.map(\.connection), Array(waiters.values))
        open -= idle.count
        idle.removeAll()
        waiters.removeAll()
        queue.removeAll()
        head = 0
        return result
    }

    private mutating func handOver(_ connection: Connection?) -> Handover {
        while head < queue.count {
            let id = queue[head]
            head += 1
            if head == queue.count || head >= 1024 {
                queue.removeFirst(head)
                head = 0
            }
            if let waiter = waiters.removeValue(forKey: id) { return .give(waiter, connection) }
        }
        preconditionFailure("a waiter is in the queue")
    }
}
