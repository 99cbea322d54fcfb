import Metrics
import Testing

@testable import Telemetry

@Suite struct PrometheusRegistryTests {
    private let registry = PrometheusRegistry()

    @Test func `a counter ends in total and the same labels are the same series`() {
        Counter(label: "runs.ended", dimensions: [("state", "done"), ("project", "p")], factory: registry).increment()
        Counter(label: "runs.ended", dimensions: [("project", "p"), ("state", "done")], factory: registry)
            .increment(by: 2)
        let text = registry.exposition()
        #expect(text.contains("# HELP runs_ended_total runs.ended\n# TYPE runs_ended_total counter\n"))
        #expect(text.contains("\nruns_ended_total{project=\"p\",state=\"done\"} 3\n"))
    }

    @Test func `a counter never goes down nor over`() {
        let counter = registry.makeCounter(label: "c", dimensions: [])
        counter.increment(by: .max)
        counter.increment(by: 5)
        counter.increment(by: -7)
        #expect(registry.exposition().contains("\nc_total \(Int64.max)\n"))
    }

    @Test func `a timer is a histogram in seconds whose buckets add up`() {
        let timer = Timer(label: "request.duration", factory: registry)
        timer.recordMilliseconds(1)
        timer.recordMilliseconds(20)
        timer.recordSeconds(100)
        let text = registry.exposition()
        #expect(text.contains("# TYPE request_duration_seconds histogram"))
        #expect(text.contains("\nrequest_duration_seconds_bucket{le=\"0.001\"} 1\n"))
        #expect(text.contains("\nrequest_duration_seconds_bucket{le=\"0.01\"} 1\n"))
        #expect(text.contains("\nrequest_duration_seconds_bucket{le=\"0.025\"} 2\n"))
        #expect(text.contains("\nrequest_duration_seconds_bucket{le=\"60.0\"} 2\n"))
        #expect(text.contains("\nrequest_duration_seconds_bucket{le=\"+Inf\"} 3\n"))
        #expect(text.contains("\nrequest_duration_seconds_count 3\n"))
    }

    @Test func `gauges and meters hold what was set last`() {
        Gauge(label: "queue.length", factory: registry).record(4)
        let meter = Meter(label: "connections", factory: registry)
        meter.set(3)
        meter.decrement()
        let text = registry.exposition()
        #expect(text.contains("# TYPE queue_length gauge\nqueue_length 4.0\n"))
        #expect(text.contains("\nconnections 2.0\n"))
    }

    @Test func `names and label values are made safe`() {
        Counter(label: "9 lives-é", dimensions: [("a-b", "x\"y\\z\nw")], factory: registry).increment()
        #expect(registry.exposition().contains("\n_9_lives___total{a_b=\"x\\\"y\\\\z\\nw\"} 1\n"))
    }

    @Test func `label sets beyond the limit share one series`() {
        let registry = PrometheusRegistry(maximumFamilies: 2, maximumSeries: 3)
        for user in 0..<100 {
            Counter(label: "requests", dimensions: [("user", "u\(user)")], factory: registry).increment()
        }
        let text = registry.exposition()
        #expect(text.split(separator: "\n").count { $0.hasPrefix("requests_total{") } == 4)
        #expect(text.contains("\nrequests_total{user=\"other\"} 97\n"))
    }

    @Test func `names beyond the limit, and a name of another kind, are counted as refused`() {
        let registry = PrometheusRegistry(maximumFamilies: 1, maximumSeries: 3)
        Gauge(label: "one", factory: registry).record(1)
        Timer(label: "two", factory: registry).recordSeconds(1)
        Recorder(label: "one", factory: registry).record(1)
        let text = registry.exposition()
        #expect(!text.contains("two"))
        #expect(text.contains("\ntelemetry_refused_metrics_total 2\n"))
        #expect(text.contains("\none 1.0\n"))
    }

    @Test func `every line is of the text format`() throws {
        Counter(label: "a", dimensions: [("k", "v")], factory: registry).increment()
        Timer(label: "b", dimensions: [("k", "v")], factory: registry).recordSeconds(1)
        Recorder(label: "c", factory: registry).record(12)
        let sample = #/[a-zA-Z_:][a-zA-Z0-9_:]*(\{([a-z_]+="[^"]*",?)+\})? -?[0-9.e+-]+/#
        for line in registry.exposition().split(separator: "\n") where !line.hasPrefix("#") {
            #expect(line.wholeMatch(of: sample) != nil, "\(line)")
        }
    }

    @Test func `the process shows its memory, time, descriptors and start`() {
        let text = registry.exposition()
        for name in [
            "process_resident_memory_bytes", "process_cpu_seconds_total", "process_open_fds",
            "process_start_time_seconds",
        ] {
            #expect(text.contains("\n\(name) "))
        }
    }
}
