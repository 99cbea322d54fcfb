import LDAP
import Synchronization
import TestSupport
import Testing

@Suite struct LDAPSessionTests {
    private func server(_ security: LDAPServer.Security, trusts: Bool = true) async throws -> LDAPServer {
        let slapd = try await TestSlapd.shared()
        return LDAPServer(
            host: "127.0.0.1",
            port: security == .tls ? slapd.securePort : slapd.port,
            security: security,
            verifies: true,
            authorityFile: trusts ? slapd.authorityFile : "/etc/ssl/certs/ca-certificates.crt"
        )
    }

    private func search(_ filter: String, attributes: [String] = ["cn"], entries: Int = 10) -> LDAPSearch {
        LDAPSearch(
            base: TestSlapd.base,
            scope: .subtree,
            filter: filter,
            attributes: attributes,
            maximumEntries: entries,
            maximumBytes: 100_000
        )
    }

    private var soon: ContinuousClock.Instant { .now + .seconds(30) }

    @Test(arguments: [LDAPServer.Security.none, .tls, .startTLS])
    func `a search gives entries with their values as bytes`(security: LDAPServer.Security) async throws {
        let session = try LDAPSession.connect(try await server(security), until: soon)
        try session.bind(TestSlapd.reader, password: TestSlapd.readerPassword)
        let entries = try session.search(search("(uid=ada)", attributes: ["mail", "jpegPhoto"]))
        #expect(entries.map(\.dn) == ["cn=ada,ou=people,dc=example,dc=org"])
        let values = Dictionary(
            uniqueKeysWithValues: (entries.first?.attributes ?? []).map { ($0.name, $0.values) }
        )
        let mail = values["mail"]?.map { String(decoding: $0, as: UTF8.self) }
        #expect(mail == ["lovelace@example.org", "lovelace@example.com"])
        #expect(values["jpegPhoto"] == [[0xFF, 0xD8, 0xFF, 0x00]])
    }

    @Test(arguments: [LDAPServer.Security.tls, .startTLS])
    func `a server whose name nobody vouches for is not spoken to`(security: LDAPServer.Security) async throws {
        let stranger = try await server(security, trusts: false)
        let error = #expect(throws: LDAPError.self) {
            let session = try LDAPSession.connect(stranger, until: soon)
            try session.bind(TestSlapd.reader, password: TestSlapd.readerPassword)
        }
        guard case .unavailable? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func `a wrong password, and none, are no bind`() async throws {
        let server = try await server(.none)
        for password in ["wrong", ""] {
            #expect(throws: LDAPError.invalidCredentials) {
                try LDAPSession.connect(server, until: soon).bind(TestSlapd.reader, password: password)
            }
        }
        #expect(throws: LDAPError.invalidCredentials) {
            try LDAPSession.connect(server, until: soon).bind("", password: "x")
        }
    }

    @Test func `more entries or bytes than wanted are an error`() async throws {
        let session = try LDAPSession.connect(try await server(.none), until: soon)
        try session.bind(TestSlapd.reader, password: TestSlapd.readerPassword)
        #expect(throws: LDAPError.limitExceeded(.entries)) { try session.search(search("(uid=*)", entries: 1)) }
        var large = search("(uid=*)", attributes: ["mail"])
        large.maximumBytes = 30
        #expect(throws: LDAPError.limitExceeded(.bytes)) { try session.search(large) }
        #expect(try session.search(search("(uid=*)")).count == 2)
    }

    @Test func `a refusal has the directory's code`() async throws {
        let session = try LDAPSession.connect(try await server(.none), until: soon)
        var missing = search("(cn=x)")
        missing.base = "dc=nowhere"
        let error = #expect(throws: LDAPError.self) { try session.search(missing) }
        guard case .refused(code: 32, _)? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
    }

    @Test func `an address that is not allowed is not connected to`() async throws {
        let asked = Mutex<[[UInt8]]>([])
        var server = try await server(.none)
        server.host = "localhost"
        server.allows = { address in
            asked.withLock { $0.append(address) }
            return false
        }
        let error = #expect(throws: LDAPError.self) {
            try LDAPSession.connect(server, until: soon).bind(TestSlapd.reader, password: TestSlapd.readerPassword)
        }
        guard case .unavailable? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        #expect(asked.withLock { $0.contains([127, 0, 0, 1]) })
    }

    @Test func `a message that is too long is not taken in`() async throws {
        var server = try await server(.none)
        server.maximumMessage = 100
        let session = try LDAPSession.connect(server, until: soon)
        try session.bind(TestSlapd.reader, password: TestSlapd.readerPassword)
        #expect(throws: LDAPError.limitExceeded(.bytes)) { try session.search(search("(uid=*)", attributes: [])) }
    }

    @Test(arguments: [LDAPServer.Security.none, .tls, .startTLS], [true, false])
    func `a server that accepts and says nothing has the time for its first answer and no more`(
        security: LDAPServer.Security,
        isBound: Bool
    ) async throws {
        let silent = try SilentServer()
        var server = try await server(security)
        server.port = Int(silent.port)
        let account = isBound ? (dn: TestSlapd.reader, password: TestSlapd.readerPassword) : nil
        let deadline = ContinuousClock.now + .seconds(3_600)
        var time: Duration = .milliseconds(200)
        while true {
            let answerDeadline = ContinuousClock.now + time
            #expect(throws: LDAPError.timedOut) {
                try LDAPSession.connect(server, as: account, answeringBy: answerDeadline, until: deadline)
            }
            // A busy machine: it had not even connected in that time.
            time *= 2
            guard silent.connectionCount == 0, time < .seconds(60) else { break }
        }
        #expect(silent.connectionCount == 1)
    }

    @Test(arguments: [LDAPServer.Security.none, .tls, .startTLS], [true, false])
    func `a server that has answered has the whole time`(security: LDAPServer.Security, isBound: Bool) async throws {
        let server = try await server(security)
        let account = isBound ? (dn: TestSlapd.reader, password: TestSlapd.readerPassword) : nil
        let deadline = ContinuousClock.now + .seconds(3_600)
        var time: Duration = .milliseconds(200)
        while true {
            let answerDeadline = ContinuousClock.now + time
            do throws(LDAPError) {
                let session = try LDAPSession.connect(
                    server,
                    as: account,
                    answeringBy: answerDeadline,
                    until: deadline
                )
                // What would end it comes after this time, and a little later for certain.
                try? await Task.sleep(until: answerDeadline + .milliseconds(100), clock: .continuous)
                if !isBound { try session.bind(TestSlapd.reader, password: TestSlapd.readerPassword) }
                #expect(try session.search(search("(uid=*)")).count == 2)
                return
            } catch .timedOut {
                // A busy machine: it had no answer in that time.
                time *= 2
                guard time < .seconds(60) else { throw LDAPError.timedOut }
            }
        }
    }

    @Test func `nobody at the port, and nobody with an answer`() throws {
        let closed = LDAPServer(host: "127.0.0.1", port: 1, security: .none, verifies: false, authorityFile: nil)
        let error = #expect(throws: LDAPError.self) {
            try LDAPSession.connect(closed, until: soon).bind("cn=a", password: "b")
        }
        guard case .unavailable? = error else {
            Issue.record("\(String(describing: error))")
            return
        }
        let late = ContinuousClock.now
        #expect(throws: LDAPError.timedOut) { try LDAPSession.connect(closed, until: late).bind("cn=a", password: "b") }
    }
}
