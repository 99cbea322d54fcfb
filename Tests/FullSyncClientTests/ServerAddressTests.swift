import CouchProtocol
import FullSyncClient
import Testing

@Suite struct ServerAddressTests {
    @Test(
        arguments: [
            ("http://localhost:5984", "http://localhost:5984", nil), ("https://h/", "https://h", nil),
            ("http://h/prefix//", "http://h/prefix", nil), ("http://ada:p%40ss%3A@h:1/x", "http://h:1/x", "ada"),
            ("http://a%2Fb@h", "http://h", "a/b"), ("http://[::1]:5984", "http://[::1]:5984", nil),
        ] as [(String, String, String?)]
    )
    func `credentials are kept apart from the address`(text: String, base: String, name: String?) throws {
        let address = try ServerAddress(parsing: text)
        #expect(address.base == base)
        #expect(address.credentials?.name == name)
        #expect("\(address)" == base)
        #expect(!"\(address)\(address.credentials.map { "\($0)" } ?? "")".contains("p@ss"))
    }

    @Test(arguments: [
        "", "localhost", "ftp://h", "http://", "http://a b", "http://%zz:x@h", "http://u:%ff@h", "http:///x",
        "http://h:99999", "http://h:0", "http://[::1]:65536", "http://h:x", "http://h:",
    ])
    func `what is no server's address is refused`(text: String) {
        #expect(throws: CouchError.self) { try ServerAddress(parsing: text) }
    }

    @Test func `a server that is not there is unreachable, and worth another try`() async throws {
        // Port 9 is nobody's: nothing listens there without an administrator's doing.
        let server = try FullSyncServer(address: "http://127.0.0.1:9")
        await #expect(throws: FullSyncError.self) { try await server.login(name: "ada", password: "x") }
        do {
            _ = try await server.database("x").info()
            Issue.record("an answer came")
        } catch {
            #expect(RetryPolicy.mayPass(error))
        }
    }
}
