import Metrics

/// What every service that carries out transactions of connectors counts of them.
package enum ConnectorMetrics {
    /// Counts a call and its time.
    ///
    /// - Parameters:
    ///   - connector: The connector's name in its project.
    ///   - project: The project.
    ///   - outcome: `answered`, or the code of the failure.
    ///   - start: When the call came.
    package static func count(
        connector: String,
        of project: String,
        outcome: String,
        since start: ContinuousClock.Instant
    ) {
        let labels = [("project", project), ("connector", connector)]
        Counter(label: "connector_calls", dimensions: labels + [("outcome", outcome)]).increment()
        Timer(label: "connector_call", dimensions: labels).record(duration: .now - start)
    }
}
