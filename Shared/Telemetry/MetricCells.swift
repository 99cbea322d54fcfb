import Metrics
import Synchronization

/// One series: a name, its labels, and what was measured.
protocol MetricCell: AnyObject, Sendable {
    /// What Prometheus calls it.
    static var kind: MetricKind { get }

    /// Writes the series' samples.
    func write(name: String, labels: String, to output: inout ExpositionWriter)
}

/// The types of the text exposition format that are used here.
enum MetricKind: String, Sendable {
    case counter
    case gauge
    case histogram
}

/// A count of whole things; it stays at the largest integer rather than overflow.
final class IntegerCounter: MetricCell, CounterHandler {
    static let kind = MetricKind.counter
    private let value = Mutex<Int64>(0)

    func increment(by amount: Int64) {
        guard amount > 0 else { return }
        value.withLock { value in
            let (sum, overflow) = value.addingReportingOverflow(amount)
            value = overflow ? .max : sum
        }
    }

    func reset() {
        value.withLock { $0 = 0 }
    }

    func write(name: String, labels: String, to output: inout ExpositionWriter) {
        output.sample(name, labels, "\(value.withLock(\.self))")
    }
}

/// A sum of amounts that need not be whole.
final class FloatingCounter: MetricCell, FloatingPointCounterHandler {
    static let kind = MetricKind.counter
    private let value = Mutex<Double>(0)

    func increment(by amount: Double) {
        guard amount > 0, amount.isFinite else { return }
        value.withLock { $0 += amount }
    }

    func reset() {
        value.withLock { $0 = 0 }
    }

    func write(name: String, labels: String, to output: inout ExpositionWriter) {
        output.sample(name, labels, value.withLock(\.self))
    }
}

/// A value that goes up and down.
final class GaugeCell: MetricCell, MeterHandler, RecorderHandler {
    static let kind = MetricKind.gauge
    private let value = Mutex<Double>(0)

    func set(_ value: Int64) { set(Double(value)) }
    func set(_ value: Double) { self.value.withLock { $0 = value } }
    func increment(by amount: Double) { value.withLock { $0 += amount } }
    func decrement(by amount: Double) { value.withLock { $0 -= amount } }
    func record(_ value: Int64) { set(Double(value)) }
    func record(_ value: Double) { set(value) }

    func write(name: String, labels: String, to output: inout ExpositionWriter) {
        output.sample(name, labels, value.withLock(\.self))
    }
}

/// How often a measure fell into each of a fixed row of buckets.
final class HistogramCell: MetricCell, RecorderHandler, TimerHandler {
    static let kind = MetricKind.histogram

    /// The upper bounds of durations, in seconds: a millisecond to a minute.
    static let secondBounds = [
        0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1, 2.5, 5, 10, 30, 60,
    ]
    /// The upper bounds of counts and sizes: one to a hundred million.
    static let sizeBounds: [Double] = [
        1, 5, 10, 50, 100, 500, 1e3, 5e3, 1e4, 5e4, 1e5, 5e5, 1e6, 1e7, 1e8,
    ]

    private let bounds: [Double]
    private let scale: Double
    private let state: Mutex<State>

    private struct State {
        /// Per bucket, not added up; the last one has what is above all bounds.
        var counts: [Int]
        var sum = 0.0
    }

    /// A histogram over these upper bounds, ascending; a measure is multiplied with the scale first.
    init(bounds: [Double], scale: Double) {
        self.bounds = bounds
        self.scale = scale
        state = Mutex(State(counts: Array(repeating: 0, count: bounds.count + 1)))
    }

    func record(_ value: Int64) { record(Double(value)) }
    func recordNanoseconds(_ duration: Int64) { record(Double(duration)) }

    func record(_ value: Double) {
        guard value.isFinite else { return }
        let measure = value * scale
        let bucket = bounds.firstIndex { measure <= $0 } ?? bounds.count
        state.withLock { state in
            state.counts[bucket] += 1
            state.sum += measure
        }
    }

    func write(name: String, labels: String, to output: inout ExpositionWriter) {
        let state = state.withLock(\.self)
        let separator = labels.isEmpty ? "" : ","
        var total = 0
        for (bound, count) in zip(bounds.map { "\($0)" } + ["+Inf"], state.counts) {
            total += count
            output.sample("\(name)_bucket", #"\#(labels)\#(separator)le="\#(bound)""#, "\(total)")
        }
        output.sample("\(name)_sum", labels, state.sum)
        output.sample("\(name)_count", labels, "\(total)")
    }
}
