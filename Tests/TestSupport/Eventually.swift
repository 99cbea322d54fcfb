package import Testing

/// Waits until `condition` holds, and records an issue when it does not within `wait`.
///
/// For what nobody signals: the state of another process, seen from outside. It is the only place in the tests that
/// looks again after a pause; `wait` is how long a lost cause is believed in, not a measure of speed.
package func eventually(
    _ expectation: Comment,
    within wait: Duration = .seconds(120),
    sourceLocation: SourceLocation = #_sourceLocation,
    _ condition: () async throws -> Bool
) async throws {
    let deadline = ContinuousClock.now + wait
    while try await !condition() {
        guard ContinuousClock.now < deadline else {
            Issue.record("not within \(wait): \(expectation)", sourceLocation: sourceLocation)
            return
        }
        try await Task.sleep(for: .milliseconds(20))
    }
}
