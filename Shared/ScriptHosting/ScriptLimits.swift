/// How much a script may take.
///
/// The times are bounded twice: a script host ends its own scripts, and its parent ends a host that does not answer.
package struct ScriptLimits: Sendable, Hashable {
    /// How long one call of a function, or one expression, may compute.
    package var callTime: Duration = .seconds(5)
    /// How long a host may take to answer one request, of hundreds of documents perhaps; then it is killed.
    package var batchTime: Duration = .seconds(30)
    /// How long a request may wait for a host.
    package var queueTime: Duration = .seconds(30)
    /// How many requests may wait for a host.
    package var queueLength = 10_000
    /// How long a host may take to start.
    package var startTime: Duration = .seconds(10)
    /// How many bytes of memory a host may have resident; one that has more ends itself.
    package var memory = 512 << 20
    /// How many bytes a request may have.
    package var inputSize = 64 << 20
    /// How many bytes an answer may have.
    package var outputSize = 32 << 20
    /// How many design documents' functions a host keeps compiled.
    package var warmEnvironments = 32
    /// How many sessions' values a host keeps; the least recently used are sent anew when they are needed again.
    package var warmSessions = 128

    /// The limits of a service that runs strangers' scripts.
    package init() {}
}
