import Logging
import Metrics

/// Connects swift-log and swift-metrics, which libraries speak to, with our log lines and our metrics.
package enum TelemetryBootstrap {
    /// Starts both; once in a process, before the first logger or metric is made.
    ///
    /// - Parameter style: How the log is written.
    /// - Returns: The metrics of this process, to be shown at `/metrics`.
    package static func start(_ style: LogStyle) -> PrometheusRegistry {
        LoggingSystem.bootstrap { label in StructuredLogHandler(label: label, style: style) }
        let registry = PrometheusRegistry()
        MetricsSystem.bootstrap(registry)
        return registry
    }
}
