import ServiceLifecycle

/// A service made of a function that runs until it is cancelled, for things that know nothing of service groups.
package struct Foreground: Service {
    private let body: @Sendable () async throws -> Void

    package init(_ body: @escaping @Sendable () async throws -> Void) {
        self.body = body
    }

    package func run() async throws {
        try await cancelWhenGracefulShutdown {
            do {
                try await body()
            } catch is CancellationError {
                return
            }
        }
    }
}
