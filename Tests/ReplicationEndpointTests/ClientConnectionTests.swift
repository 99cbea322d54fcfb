import HTTPTypes
import Testing

@testable import ReplicationEndpoint

@Suite struct ClientConnectionTests {
    private func client(
        _ peer: String?,
        forwarded: [String] = [],
        proto: String? = nil,
        proxies: String...
    ) throws -> ClientConnection {
        var headers: HTTPFields = [:]
        headers[values: HTTPHeader.forwardedFor] = forwarded
        headers[HTTPHeader.forwardedProto] = proto
        return ClientConnection(
            peer: peer,
            headers: headers,
            proxies: try proxies.map { try #require(IPNetwork($0)) }
        )
    }

    @Test func `whoever is not trusted speaks of nobody`() throws {
        let client = try client("203.0.113.9", forwarded: ["198.51.100.1"], proto: "https", proxies: "10.0.0.0/8")
        #expect(client.address == IPAddress("203.0.113.9"))
        #expect(!client.isSecure)
        #expect(try self.client("203.0.113.9", forwarded: ["198.51.100.1"]).addressText == "203.0.113.9")
    }

    @Test func `a trusted proxy says who the client is, and what stands before it is the client's own word`() throws {
        let one = try client("10.0.0.1", forwarded: ["198.51.100.1"], proto: "https", proxies: "10.0.0.0/8")
        #expect(one.addressText == "198.51.100.1")
        #expect(one.isSecure)
        let forged = try client("10.0.0.1", forwarded: ["1.1.1.1, 198.51.100.1", "10.0.0.2"], proxies: "10.0.0.0/8")
        #expect(forged.address == IPAddress("198.51.100.1"))
        let inner = try client("10.0.0.1", forwarded: ["10.0.0.7, 10.0.0.2"], proxies: "10.0.0.0/8")
        #expect(inner.address == IPAddress("10.0.0.7"))
        for nothing in [[], [""], ["unknown"], ["198.51.100.1:4711"]] {
            #expect(try client("10.0.0.1", forwarded: nothing, proxies: "10.0.0.0/8").address == IPAddress("10.0.0.1"))
        }
        #expect(try !client("10.0.0.1", proto: "https, http", proxies: "10.0.0.1").isSecure)
        #expect(try client(nil).address == nil)
    }

    @Test func `addresses are equal however they are written, and counted by what one client has`() throws {
        #expect(IPAddress("::ffff:10.0.0.1") == IPAddress("10.0.0.1"))
        #expect(IPAddress("2001:db8::1") == IPAddress("2001:0DB8:0:0:0:0:0:1"))
        #expect(IPAddress("2001:db8::1")?.countedAs == IPAddress("2001:db8::ffff:2")?.countedAs)
        #expect(IPAddress("2001:db8:0:1::1")?.countedAs != IPAddress("2001:db8::1")?.countedAs)
        #expect(IPAddress("10.0.0.1")?.countedAs != IPAddress("10.0.0.2")?.countedAs)
        for text in ["", "10.0.0", "10.0.0.256", "localhost", "::g", "10.0.0.1 "] { #expect(IPAddress(text) == nil) }
    }

    @Test(arguments: [
        ("10.0.0.0/8", "10.255.1.1", true), ("10.0.0.0/8", "11.0.0.1", false), ("10.0.0.1", "10.0.0.1", true),
        ("10.0.0.1", "10.0.0.2", false), ("192.168.1.128/25", "192.168.1.200", true),
        ("192.168.1.128/25", "192.168.1.100", false), ("0.0.0.0/0", "1.2.3.4", true), ("::/0", "1.2.3.4", false),
        ("fd00::/8", "fd12::1", true), ("fd00::/8", "fe80::1", false), ("::1", "::1", true),
    ])
    func `a network holds its addresses`(network: String, address: String, isInside: Bool) throws {
        #expect(try #require(IPNetwork(network)).contains(try #require(IPAddress(address))) == isInside)
    }

    @Test(arguments: ["", "/8", "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/-1", "::/129", "host/8", "10.0.0.0/8/8"])
    func `what is no network is refused`(text: String) {
        #expect(IPNetwork(text) == nil)
    }
}
