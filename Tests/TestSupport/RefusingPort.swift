import Glibc

/// A port of 127.0.0.1 at which connections are refused for as long as this lives.
///
/// It is bound, and nobody listens: so no server that starts meanwhile is given it.
package final class RefusingPort: Sendable {
    package let port: Int
    private let descriptor: Int32

    /// One that was free.
    package init() throws { (descriptor, port) = try LoopbackSocket.bound() }

    deinit { close(descriptor) }

    /// What an HTTP server would be reached by.
    package var http: String { "http://127.0.0.1:\(port)" }
}
