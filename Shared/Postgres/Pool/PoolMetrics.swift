import Metrics

/// What the pool tells about itself; the only label is the pool's application name, and a code from a bounded set.
///
/// | metric | kind | meaning |
/// |---|---|---|
/// | `postgres_pool_connections` | gauge, `state` = idle, busy | connections that are open |
/// | `postgres_pool_waiting` | gauge | tasks that wait for a connection |
/// | `postgres_acquire_seconds` | timer | waiting for a connection |
/// | `postgres_query_seconds` | timer | one-shot statements, acquisition apart |
/// | `postgres_transaction_seconds` | timer | transactions, attempts together |
/// | `postgres_transaction_retries_total` | counter | transactions run again |
/// | `postgres_connects_total` | counter, `outcome` = ok, failed | attempts to connect |
/// | `postgres_errors_total` | counter, `code` | errors by ``PostgresError/code`` |
struct PoolMetrics: Sendable {
    let idle: Gauge
    let busy: Gauge
    let waiting: Gauge
    let acquire: Metrics.Timer
    let query: Metrics.Timer
    let transaction: Metrics.Timer
    let retries: Counter
    let connects: Counter
    let failedConnects: Counter
    private let pool: String

    init(pool: String) {
        self.pool = pool
        idle = Gauge(label: "postgres_pool_connections", dimensions: [("pool", pool), ("state", "idle")])
        busy = Gauge(label: "postgres_pool_connections", dimensions: [("pool", pool), ("state", "busy")])
        waiting = Gauge(label: "postgres_pool_waiting", dimensions: [("pool", pool)])
        acquire = Metrics.Timer(label: "postgres_acquire_seconds", dimensions: [("pool", pool)])
        query = Metrics.Timer(label: "postgres_query_seconds", dimensions: [("pool", pool)])
        transaction = Metrics.Timer(label: "postgres_transaction_seconds", dimensions: [("pool", pool)])
        retries = Counter(label: "postgres_transaction_retries_total", dimensions: [("pool", pool)])
        connects = Counter(label: "postgres_connects_total", dimensions: [("pool", pool), ("outcome", "ok")])
        failedConnects = Counter(label: "postgres_connects_total", dimensions: [("pool", pool), ("outcome", "failed")])
    }

    func count(_ error: PostgresError) {
        Counter(label: "postgres_errors_total", dimensions: [("pool", pool), ("code", error.code)]).increment()
    }
}

extension Metrics.Timer {
    /// Records the time since `start`.
    func record(since start: ContinuousClock.Instant) {
        let (seconds, attoseconds) = (ContinuousClock.now - start).components
        recordNanoseconds(seconds * 1_000_000_000 + attoseconds / 1_000_000_000)
    }
}
