import Contracts
import Executors
import JSON
import Projects
import TestBackEnd
import TestSupport
import Testing

@testable import BackEndConnector

@Suite struct LDAPCallerTests {
    private static let transactions = """
        byName:
          authenticate: {dn: "cn={user},ou=people,dc=example,dc=org", password: "{password}", attributes: [mail]}
        bySearch:
          authenticate: {filter: "(&(objectClass=person)(uid={user}))", password: "{password}"}
        people:
          search: {filter: "(uid={user})", attributes: [mail, jpegPhoto], binary: [jpegPhoto]}
        anybody:
          search: {filter: "(uid=*)", limit: 1}
        """

    @Test(arguments: ["byName", "bySearch"], ["none", "verify", "startTLS"])
    func `who has the password is who they say, whatever their name holds`(way: String, security: String) async throws {
        let directory = try await Directory(Self.transactions, security: security)
        for (user, password) in TestSlapd.people {
            let answer = try await directory.call(way, ["user": .string(user), "password": .string(password)]).get()
            #expect(answer["authenticated"] == true)
            #expect(answer["attributes"]?["mail"]?.arrayValue?.first == .string("\(password)@example.org"))
            for wrong in ["wrong", "", "\0"] {
                let refused = try await directory.call(way, ["user": .string(user), "password": .string(wrong)]).get()
                #expect(refused == ["authenticated": false, "dn": .null, "attributes": [:]])
            }
        }
        for user in ["*", "ada*", "ada)(uid=*", "nobody", "", "ada,ou=people"] {
            let refused = try await directory.call(way, ["user": .string(user), "password": "lovelace"]).get()
            #expect(refused["authenticated"] == false)
        }
    }

    @Test func `a search answers entries, with bytes as Base64`() async throws {
        let directory = try await Directory(Self.transactions)
        let answer = try await directory.call("people", ["user": "ada"]).get()
        let entry = try #require(answer["entries"]?.arrayValue?.first)
        #expect(entry["dn"] == "cn=ada,ou=people,dc=example,dc=org")
        #expect(entry["attributes"]?["jpegPhoto"] == ["/9j/AA=="])
        #expect(entry["attributes"]?["mail"] == ["lovelace@example.org", "lovelace@example.com"])
        #expect(try await directory.call("people", ["user": "*"]).get()["entries"] == [])
        #expect(directory.reason(of: await directory.call("anybody"))?.code == "too_many_rows")
    }

    @Test func `the connector's own account must be right`() async throws {
        let directory = try await Directory(Self.transactions, password: "wrong")
        #expect(directory.reason(of: await directory.call("people", ["user": "ada"]))?.code == "ldap_login_failed")
        // A name is bound without it.
        let answer = try await directory.call("byName", ["user": "ada", "password": "lovelace"]).get()
        #expect(answer["authenticated"] == true)
    }

    @Test func `addresses that the project may not reach are refused`() async throws {
        let directory = try await Directory(Self.transactions, addresses: "public")
        #expect(directory.reason(of: await directory.call("people", ["user": "ada"]))?.code == "address_refused")
    }

    @Test(arguments: ["none", "verify", "startTLS"], [true, false])
    func `a server that hangs is passed over, and asked last from then on`(
        security: String,
        hasAccount: Bool
    ) async throws {
        let slapd = try await TestSlapd.shared()
        let port = security == "verify" ? slapd.securePort : slapd.port
        let silent = try SilentServer.beside(port)
        // A busy machine may need more: a server that is never reached is not there in any time.
        for seconds in [2, 10, 60] {
            let directory = try await Directory(
                Self.transactions,
                security: security,
                host: "[\(silent.address), 127.0.0.1]",
                hasAccount: hasAccount,
                timeout: "\(seconds)s"
            )
            let way = hasAccount ? "bySearch" : "byName"
            let first = await directory.call(way, ["user": "ada", "password": "lovelace"])
            let attempts = silent.connectionCount
            let second = await directory.call(way, ["user": "ada", "password": "wrong"])
            let isEnough = [first, second].allSatisfy { directory.reason(of: $0) == nil }
            guard isEnough && silent.connectionCount == attempts || seconds == 60 else { continue }
            #expect(try first.get()["authenticated"] == true)
            #expect(attempts > 0)
            #expect(try second.get()["authenticated"] == false)
            #expect(silent.connectionCount == attempts)
            return
        }
    }

    @Test func `nobody's search goes on to the next server as well`() async throws {
        let slapd = try await TestSlapd.shared()
        let silent = try SilentServer.beside(slapd.port)
        for seconds in [2, 10, 60] {
            let directory = try await Directory(
                Self.transactions,
                host: "[\(silent.address), 127.0.0.1]",
                hasAccount: false,
                timeout: "\(seconds)s"
            )
            let answer = await directory.call("people", ["user": "ada"])
            let code = directory.reason(of: answer)?.code
            guard code == "ldap_error" || seconds == 60 else { continue }
            // Who is nobody may not see that there is anything.
            #expect(code == "ldap_error")
            break
        }
        #expect(silent.connectionCount > 0)
    }

    @Test func `a name that cannot be resolved is passed over unless it is the last`() async throws {
        let directory = try await Directory(Self.transactions, host: "[no-such-host.invalid, 127.0.0.1]")
        let answer = try await directory.call("byName", ["user": "ada", "password": "lovelace"]).get()
        #expect(answer["authenticated"] == true)
        let nowhere = try await Directory(Self.transactions, host: "[no-such-host.invalid, nor-this.invalid]")
        #expect(nowhere.reason(of: await nowhere.call("people", ["user": "ada"]))?.code == "connect_failed")
    }

    @Test(arguments: ["none", "verify", "startTLS"])
    func `a directory that hangs is a timeout`(security: String) async throws {
        let silent = try await BackEnd.start { _ in [.hang] }
        let directory = try await Directory(Self.transactions, security: security, port: silent.port, timeout: "500ms")
        #expect(directory.reason(of: await directory.call("people", ["user": "ada"]))?.code == "timeout")
        await silent.stop()
    }
}

/// A project with an LDAP connector, and the caller that carries out its transactions.
private struct Directory: TestBackEnd {
    private let caller: LDAPCaller
    private let connector: LDAPConnector

    init(
        _ transactions: String,
        security: String = "none",
        password: String = TestSlapd.readerPassword,
        addresses: String = "loopback",
        host: String = "127.0.0.1",
        hasAccount: Bool = true,
        port: Int? = nil,
        timeout: String = "30s"
    ) async throws {
        let slapd = try await TestSlapd.shared()
        let indented = transactions.split(separator: "\n").map { "  \($0)" }.joined(separator: "\n")
        let project = try Project.read([
            "project.yaml": "project: p\nsymbols: {PASSWORD: {secret: true}, CA: {}}\n",
            "connectors/directory.yaml": """
            type: ldap
            host: \(host)
            port: \(port ?? (security == "verify" ? slapd.securePort : slapd.port))
            tls: \(security == "none" ? "none" : "verify")
            startTLS: \(security == "startTLS")
            \(security == "none" ? "" : "certificateAuthority: ${CA}")
            \(hasAccount ? #"bind: {dn: "\#(TestSlapd.reader)", password: "${PASSWORD}"}"# : "")
            base: \(TestSlapd.base)
            timeout: \(timeout)
            addresses: [\(addresses)]
            transactions:
            \(indented)
            """,
        ]) { $0 == "CA" ? slapd.authority : password }
        guard case .ldap(let connector)? = project.connectors["directory"]?.kind else { throw MissingConnector() }
        self.connector = connector
        caller = LDAPCaller(
            lanes: ConnectorLanes(policy: .init(), places: 128),
            addresses: .forTests(),
            files: PEMFiles(),
            threads: ThreadPoolExecutor(name: "ldap", maximumThreads: 8)
        )
    }

    var target: LDAPConnector { connector }
    var transactions: [String: LDAPTransaction] { connector.transactions }

    func carryOut(_ call: LDAPCaller.Call) async throws(Failure) -> JSONValue { try await caller.run(call) }
}
