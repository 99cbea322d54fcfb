/// A service as its supervisor knows it.
struct ServiceDefinition: Sendable {
    /// Unique; a second worker is `sequence-worker-2`.
    let name: String
    /// The program's path.
    let executable: String
    let environment: [String: String]
    /// The variable for the port of its HTTP address when the service must keep, after a restart, the one that it took.
    var stickyPort: String?
}
