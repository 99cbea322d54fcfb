import AsyncHTTPClient
import JSON
import NIOCore
import NIOHTTP1
import TestSupport

/// The ERP as a process, on the test's own database and virtual host.
struct RunningERP: Sendable {
    static let token = "a-token-of-the-tests"

    let service: TestService
    let address: String

    static func start() async throws -> RunningERP {
        let service = try await TestService.start(
            "demo-erp",
            [
                "FULLSYNC_ERP_POSTGRES_URL": try TestDatabase.address,
                "FULLSYNC_AMQP_URL": try TestVirtualHost.address,
                "FULLSYNC_ERP_TOKEN": token,
            ]
        )
        return RunningERP(service: service, address: try await service.addresses().http ?? "")
    }

    /// What the API answers.
    struct Answer: Sendable {
        let status: Int
        let body: JSONValue
    }

    func get(_ path: String) async throws -> Answer {
        try await send("GET", path)
    }

    func send(
        _ method: String,
        _ path: String,
        _ body: JSONValue? = nil,
        key: String? = nil,
        token: String? = token
    ) async throws -> Answer {
        try await send(method, path, text: body?.text, key: key, token: token)
    }

    func send(
        _ method: String,
        _ path: String,
        text: String?,
        key: String? = nil,
        token: String? = token
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: address + path)
        request.method = HTTPMethod(rawValue: method)
        if let token { request.headers.add(name: "authorization", value: "Bearer \(token)") }
        if let key { request.headers.add(name: "idempotency-key", value: key) }
        if let text { request.body = .bytes(ByteBuffer(string: text)) }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(600))
        let bytes = try await response.body.collect(upTo: 16 << 20)
        return Answer(status: Int(response.status.code), body: try JSONValue(parsing: Array(bytes.readableBytesView)))
    }

    /// All rows of a list, page by page.
    func all(_ path: String, limit: Int) async throws -> [JSONValue] {
        var rows: [JSONValue] = []
        var cursor = ""
        while true {
            let page = try await get("\(path)?limit=\(limit)&after=\(cursor)").body
            let found = page["rows"]?.arrayValue ?? []
            rows += found
            guard let next = page["next"]?.stringValue, !found.isEmpty else { return rows }
            cursor = next
        }
    }
}
