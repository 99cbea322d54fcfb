import Metrics

/// What a pool counts, by labels of closed sets.
struct ScriptMetrics: Sendable {
    /// What is asked of a host.
    enum Request: String, CaseIterable, Sendable {
        case map
        case reduce
        case filter
        case validate
        case update
        case check
        case parse
        case evaluate
    }

    /// Why a host ended.
    enum End: String, CaseIterable, Sendable {
        case timeLimit = "time_limit"
        case memoryLimit = "memory_limit"
        case deadline
        case malformed
        case ended
        case start
    }

    private let succeeded: [Request: Counter]
    private let failed: [Request: [ScriptError.Kind: Counter]]
    private let ends: [End: Counter]
    private let queueWait = Timer(label: "script_queue_wait_seconds")
    private let duration = Timer(label: "script_request_seconds")

    init() {
        var succeeded: [Request: Counter] = [:]
        var failed: [Request: [ScriptError.Kind: Counter]] = [:]
        for request in Request.allCases {
            let label = ("request", request.rawValue)
            succeeded[request] = Counter(label: "script_requests_total", dimensions: [label, ("outcome", "ok")])
            for kind in ScriptError.Kind.allCases {
                failed[request, default: [:]][kind] = Counter(
                    label: "script_requests_total",
                    dimensions: [label, ("outcome", kind.rawValue)]
                )
            }
        }
        self.succeeded = succeeded
        self.failed = failed
        ends = Dictionary(
            uniqueKeysWithValues: End.allCases.map { end in
                (end, Counter(label: "script_host_ends_total", dimensions: [("reason", end.rawValue)]))
            }
        )
    }

    func requestEnded(_ request: Request, error: ScriptError.Kind? = nil) {
        guard let error else {
            succeeded[request]?.increment()
            return
        }
        failed[request]?[error]?.increment()
    }

    func hostEnded(_ end: End) {
        ends[end]?.increment()
    }

    func waited(_ time: Duration) {
        queueWait.record(duration: time)
    }

    func worked(_ time: Duration) {
        duration.record(duration: time)
    }
}
