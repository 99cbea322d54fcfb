import Hummingbird
import JSON
import Logging
import NIOCore
import ServiceLifecycle
import Telemetry

/// Serves `/_up` and `/metrics` to those who run the system; never on the public port.
struct OperationsServer: Service {
    let host: String
    let port: Int
    let readiness: ReadinessChecks
    let metrics: PrometheusRegistry
    let logger: Logger
    /// Called with the address once the server listens.
    let onListening: @Sendable (SocketAddress?) -> Void

    func run() async throws {
        var quiet = logger
        quiet.logLevel = max(logger.logLevel, .notice)
        let application = Application(
            router: makeRouter(),
            configuration: ApplicationConfiguration(address: .hostname(host, port: port), serverName: nil),
            onServerRunning: { channel in onListening(channel.localAddress) },
            logger: quiet
        )
        try await application.run()
    }

    private func makeRouter() -> Router<BasicRequestContext> {
        let router = Router()
        router.get("_up") { [readiness] _, _ in
            let failures = await readiness.failures()
            return Self.answer(failures)
        }
        router.get("metrics") { [metrics] _, _ in
            Response(
                status: .ok,
                headers: [.contentType: "text/plain; version=0.0.4; charset=utf-8"],
                body: ResponseBody(byteBuffer: ByteBuffer(string: metrics.exposition()))
            )
        }
        return router
    }

    private static func answer(_ failures: [ReadinessFailure]) -> Response {
        let body: JSONValue =
            failures.isEmpty
            ? ["status": "ok"]
            : [
                "status": "not ready",
                "failures": .array(failures.map { ["check": .string($0.check), "reason": .string($0.reason)] }),
            ]
        return Response(
            status: failures.isEmpty ? .ok : .serviceUnavailable,
            headers: [.contentType: "application/json"],
            body: ResponseBody(byteBuffer: ByteBuffer(bytes: body.bytes))
        )
    }
}
