package import Metrics
import Synchronization

/// The metrics of a process, kept for Prometheus to fetch.
///
/// A backend of swift-metrics: counters, meters and gauges, recorders and timers, by name and labels. Timers are
/// histograms in seconds, recorders that aggregate are histograms of their own unit. The same name and labels are the
/// same series wherever they are made. What is counted is never forgotten, since a counter that goes away and comes
/// back looks like a restart.
package final class PrometheusRegistry: Sendable {
    /// How many names there may be; more are counted and not shown.
    private let maximumFamilies: Int
    /// How many label sets a name may have; more share one series whose labels all say `other`.
    private let maximumSeries: Int

    private let families = Mutex<[String: MetricFamily]>([:])
    private let refused = IntegerCounter()

    package init(maximumFamilies: Int = 1_000, maximumSeries: Int = 500) {
        self.maximumFamilies = maximumFamilies
        self.maximumSeries = maximumSeries
    }

    /// All metrics in the text exposition format 0.0.4, names in order, with those of the process at the end.
    package func exposition() -> String {
        let snapshot = families.withLock { Array($0.values) }
        var output = ExpositionWriter()
        for family in snapshot.sorted(by: { $0.name < $1.name }) {
            output.begin(family.name, family.kind, help: family.help)
            for (labels, cell) in family.cells.sorted(by: { $0.key < $1.key }) {
                cell.write(name: family.name, labels: labels, to: &output)
            }
        }
        output.begin("telemetry_refused_metrics_total", .counter, help: "Metrics beyond the limits of the registry.")
        refused.write(name: "telemetry_refused_metrics_total", labels: "", to: &output)
        ProcessMetrics.write(to: &output)
        return output.text
    }

    /// The series of a name and labels, made when there is none.
    ///
    /// A name that is taken by another kind of metric, or one too many, gives a series that counts and is not shown.
    private func cell<Cell: MetricCell>(
        _ label: String,
        _ dimensions: [(String, String)],
        suffix: String = "",
        make: () -> Cell
    ) -> Cell {
        let name = MetricName.metric(label, suffix: suffix)
        let labels = MetricName.labels(dimensions)
        let found = families.withLock { families -> Cell? in
            var family = families[name] ?? MetricFamily(name: name, kind: Cell.kind, help: label)
            guard family.kind == Cell.kind, families[name] != nil || families.count < maximumFamilies else {
                return nil
            }
            let isFull = family.cells.count >= maximumSeries && family.cells[labels] == nil
            let key = isFull ? MetricName.labels(dimensions.map { ($0.0, "other") }) : labels
            guard let existing = family.cells[key] else {
                let cell = make()
                family.cells[key] = cell
                families[name] = family
                return cell
            }
            return existing as? Cell
        }
        guard let found else {
            refused.increment(by: 1)
            return make()
        }
        return found
    }
}

/// All series of one name.
private struct MetricFamily {
    let name: String
    let kind: MetricKind
    let help: String
    /// By their labels as they are written.
    var cells: [String: any MetricCell] = [:]
}

extension PrometheusRegistry: MetricsFactory {
    package func makeCounter(label: String, dimensions: [(String, String)]) -> any CounterHandler {
        cell(label, dimensions, suffix: "_total") { IntegerCounter() }
    }

    package func makeFloatingPointCounter(
        label: String,
        dimensions: [(String, String)]
    ) -> any FloatingPointCounterHandler {
        cell(label, dimensions, suffix: "_total") { FloatingCounter() }
    }

    package func makeMeter(label: String, dimensions: [(String, String)]) -> any MeterHandler {
        cell(label, dimensions) { GaugeCell() }
    }

    package func makeRecorder(
        label: String,
        dimensions: [(String, String)],
        aggregate: Bool
    ) -> any RecorderHandler {
        guard aggregate else { return cell(label, dimensions) { GaugeCell() } }
        return cell(label, dimensions) { HistogramCell(bounds: HistogramCell.sizeBounds, scale: 1) }
    }

    package func makeTimer(label: String, dimensions: [(String, String)]) -> any TimerHandler {
        cell(label, dimensions, suffix: "_seconds") { HistogramCell(bounds: HistogramCell.secondBounds, scale: 1e-9) }
    }

    package func destroyCounter(_ handler: any CounterHandler) {}
    package func destroyFloatingPointCounter(_ handler: any FloatingPointCounterHandler) {}
    package func destroyMeter(_ handler: any MeterHandler) {}
    package func destroyRecorder(_ handler: any RecorderHandler) {}
    package func destroyTimer(_ handler: any TimerHandler) {}
}
