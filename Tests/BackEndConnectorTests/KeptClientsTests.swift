import Synchronization
import TestSupport
import Testing

@testable import BackEndConnector

@Suite struct KeptClientsTests {
    @Test func `one that nobody uses any more is closed without another one's coming`() async throws {
        let closed = Mutex<[String]>([])
        let clients = KeptClients<String, String>(idleTime: .milliseconds(1)) { client in
            closed.withLock { $0.append(client) }
        }
        let name = ConnectorName(project: "p", connector: "c")
        #expect(clients.client(of: name, for: "a") { "first" } == "first")
        try await eventually("it is closed") { closed.withLock { $0 } == ["first"] }
        // Also after there were none.
        #expect(clients.client(of: name, for: "a") { "second" } == "second")
        try await eventually("it is closed") { closed.withLock { $0 } == ["first", "second"] }
    }
}
