import Projects
import Testing

@Suite struct AddressRulesTests {
    @Test(
        arguments: [
            ("127.0.0.1", .loopback), ("127.9.9.9", .loopback), ("::1", .loopback), ("::ffff:127.0.0.1", .loopback),
            ("64:ff9b::7f00:1", .loopback), ("10.0.0.1", .private), ("172.31.255.255", .private),
            ("172.32.0.0", .public), ("192.168.1.1", .private), ("100.64.0.1", .private), ("fd12::1", .private),
            ("169.254.169.254", .linkLocal), ("fe80::1", .linkLocal), ("fd00:ec2::254", .linkLocal),
            ("100.100.100.200", .linkLocal), ("::ffff:169.254.169.254", .linkLocal), ("0.0.0.0", .none), ("::", .none),
            ("224.0.0.1", .none), ("255.255.255.255", .none), ("ff02::1", .none), ("8.8.8.8", .public),
            ("2001:4860:4860::8888", .public),
        ] as [(String, IPAddress.Reach)]
    )
    func `an address leads where it leads, however it is written`(text: String, reach: IPAddress.Reach) throws {
        #expect(try #require(IPAddress(text)).reach == reach)
    }

    @Test(arguments: [
        "", "1", "1.2.3", "1.2.3.4.5", "256.1.1.1", "01.2.3.4", "0x7f.1.1.1", "::1::", "1:2", ":::", "g::",
    ])
    func `what is no address is none`(text: String) {
        #expect(IPAddress(text) == nil)
    }

    @Test func `what a project says replaces the standard`() throws {
        let address = { (text: String) in try #require(IPAddress(text)) }
        let standard = AddressRules.standard
        #expect(standard.allow(try address("8.8.8.8")))
        #expect(standard.allow(try address("10.0.0.1")))
        #expect(!standard.allow(try address("127.0.0.1")))
        #expect(!standard.allow(try address("169.254.169.254")))
        let own = AddressRules(try ["10.1.0.0/16", "loopback", "fd00::/8"].map { try #require(AddressRules.Rule($0)) })
        #expect(own.allow(try address("10.1.255.1")))
        #expect(!own.allow(try address("10.2.0.1")))
        #expect(!own.allow(try address("8.8.8.8")))
        #expect(own.allow(try address("::1")))
        #expect(own.allow(try address("fd99::1")))
        for text in ["none", "10.0.0.0/33", "10.0.0.0/", "x", "10.0.0.0/1/2"] {
            #expect(AddressRules.Rule(text) == nil)
        }
        let all = AddressRules([.network(try #require(AddressNetwork("0.0.0.0/0")))])
        #expect(!all.allow(try address("224.0.0.1")))
    }
}
