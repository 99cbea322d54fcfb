import AsyncHTTPClient
import NIOCore
import NIOHTTP1

/// Asks a service whether it is ready.
enum ReadinessProbe {
    /// Whether `GET <operations>/_up` answers 200.
    static func isReady(_ operations: String) async -> Bool {
        let request = HTTPClientRequest(url: operations + "/_up")
        let response = try? await HTTPClient.shared.execute(request, timeout: .seconds(5))
        return response?.status == .ok
    }
}
