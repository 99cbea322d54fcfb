import Contracts
import Foundation
import JSON
import NIOSSL
import PrivateServers
import Synchronization
import TestBackEnd
import TestSupport
import Testing

@testable import BackEndConnector

/// Who the connector says it is, whom it trusts, and where it may go.
@Suite struct HTTPSecurityTests {
    @Test func `a server with a certificate of ours, that wants one from us`() async throws {
        let (server, client) = (try await Certificate.make(), try await Certificate.make())
        var configuration = TLSConfiguration.makeServerConfiguration(
            certificateChain: try NIOSSLCertificate.fromPEMBytes(Array(server.certificate.utf8))
                .map { .certificate($0) },
            privateKey: .privateKey(try NIOSSLPrivateKey(bytes: Array(server.key.utf8), format: .pem))
        )
        configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(client.certificate.utf8)))
        configuration.certificateVerification = .noHostnameVerification
        let backEnd = try await BackEnd.start(tls: try NIOSSLContext(configuration: configuration)) { _ in
            [.answer(200, #"{"ok":true}"#)]
        }
        let symbols = ["CA": server.certificate, "CERTIFICATE": client.certificate, "KEY": client.key]
        let known = try HTTPBackEndProject(
            backEnd.url,
            settings: """
                tls: {certificateAuthority: "${CA}", certificate: "${CERTIFICATE}", key: "${KEY}"}
                """,
            transactions: "read: {path: /}",
            symbols: symbols
        )
        #expect(try await known.call("read").get()["body"] == ["ok": true])
        let nobody = try HTTPBackEndProject(
            backEnd.url,
            settings: "tls: {certificateAuthority: \"${CA}\"}",
            transactions: "read: {path: /}",
            symbols: symbols
        )
        #expect(nobody.reason(of: await nobody.call("read")) != nil)
        let suspicious = try HTTPBackEndProject(backEnd.url, transactions: "read: {path: /}", symbols: symbols)
        #expect(suspicious.reason(of: await suspicious.call("read"))?.code == "connect_failed")
        #expect(backEnd.received.count == 1)
        for project in [known, nobody, suspicious] { await project.close() }
        await backEnd.stop()
    }

    @Test(arguments: ["MD5", "SHA-256"])
    func `Digest answers the server's challenge, and the next request needs none`(algorithm: String) async throws {
        let nonces = Mutex(["one", "two"])
        let backEnd = try await BackEnd.start { request in
            let header = request.headers["authorization"] ?? ""
            let nonce = nonces.withLock { $0.first ?? "" }
            guard DigestCheck.isRight(header, request, nonce: nonce, algorithm: algorithm) else {
                let challenge =
                    "WWW-Authenticate: Basic realm=\"x\", Digest realm=\"a \\\"b\\\"\", nonce=\"\(nonce)\", "
                    + "qop=\"auth,auth-int\", algorithm=\(algorithm), opaque=\"o\""
                return [.answer(401, "", headers: [challenge])]
            }
            return [.answer(200, "{}")]
        }
        let project = try HTTPBackEndProject(
            backEnd.url,
            settings: "authentication: {digest: {user: ada, password: \"${SECRET}\"}}",
            transactions: "create: {method: POST, path: /a b%20c, query: {q: \"{q}\"}, json: {a: 1}}"
                .replacing("a b%20c", with: "a%20c")
        )
        _ = try await project.call("create", ["q": "1 2"]).get()
        #expect(backEnd.received.map { $0.headers["authorization"] == nil } == [true, false])
        _ = try await project.call("create", ["q": "3"]).get()
        #expect(backEnd.received.count == 3)
        #expect(backEnd.received.last?.headers["authorization"]?.contains("nc=00000002") == true)
        // The server's nonce has changed: asked again, answered again.
        nonces.withLock { _ = $0.removeFirst() }
        _ = try await project.call("create", ["q": "4"]).get()
        #expect(backEnd.received.count == 5)
        await project.close()
        await backEnd.stop()
    }

    @Test func `a wrong password by Digest is told after one more request`() async throws {
        let backEnd = try await BackEnd.start { _ in
            [.answer(401, "", headers: ["WWW-Authenticate: Digest realm=\"r\", nonce=\"n\", qop=\"auth\""])]
        }
        let project = try HTTPBackEndProject(
            backEnd.url,
            settings: "authentication: {digest: {user: ada, password: \"${SECRET}\"}}",
            transactions: "read: {path: /}"
        )
        #expect(project.reason(of: await project.call("read"))?.details["status"] == 401)
        #expect(backEnd.received.count == 2)
        await project.close()
        await backEnd.stop()
    }

    @Test func `cookies are a session's own`() async throws {
        let backEnd = try await BackEnd.start { request in
            guard request.target == "/login" else { return [.answer(200, "{}")] }
            return [
                .answer(
                    302,
                    "",
                    headers: [
                        "Set-Cookie: sid=\(request.headers["x-user"] ?? ""); Path=/; HttpOnly", "Location: /home",
                    ]
                )
            ]
        }
        let project = try HTTPBackEndProject(
            backEnd.url,
            settings: "cookies: session",
            transactions: "login: {path: /login, headers: {X-User: \"{user}\"}}\nread: {path: /read}"
        )
        _ = try await project.call("login", ["user": "ada"], session: "1").get()
        #expect(backEnd.received.last?.headers["cookie"] == "sid=ada")
        _ = try await project.call("login", ["user": "bob"], session: "2").get()
        for (session, cookie) in [("1", "sid=ada"), ("2", "sid=bob"), ("3", nil)] as [(String, String?)] {
            _ = try await project.call("read", session: session).get()
            #expect(backEnd.received.last?.headers["cookie"] == cookie)
        }
        await project.close()
        await backEnd.stop()
    }

    @Test func `a proxy gets the request, with what it wants to know`() async throws {
        let proxy = try await BackEnd.start { request in
            request.method == "CONNECT" ? [.send("HTTP/1.1 200 OK\r\n\r\n")] : [.answer(200, "{}")]
        }
        let project = try HTTPBackEndProject(
            "http://erp.internal.example:8080/api",
            settings: "proxy: {host: 127.0.0.1, port: \(proxy.port), user: ada, password: \"${SECRET}\"}",
            transactions: "read: {path: /items}"
        )
        _ = try await project.call("read").get()
        let asked = try #require(proxy.received.first)
        #expect(asked.target == "erp.internal.example:8080")
        #expect(asked.headers["proxy-authorization"] == "Basic " + Data("ada:s3cret".utf8).base64EncodedString())
        // What goes through it is the back end's.
        #expect(proxy.received.last?.target == "/api/items")
        #expect(proxy.received.last?.headers["proxy-authorization"] == nil)
        await project.close()
        await proxy.stop()
    }

    @Test func `behind a proxy neither a redirect nor an address leads where the connector may not go`() async throws {
        let proxy = try await BackEnd.start { request in
            guard request.method != "CONNECT" else { return [.send("HTTP/1.1 200 OK\r\n\r\n")] }
            switch request.target {
            case "/api/stay": return [.answer(302, "", headers: ["Location: /api/end"])]
            case "/api/end": return [.answer(200, "{}")]
            case "/api/leave": return [.answer(302, "", headers: ["Location: http://other.internal.example/x"])]
            default: return [.answer(302, "", headers: ["Location: http://169.254.169.254/latest/meta-data"])]
            }
        }
        let settings = "proxy: {host: 127.0.0.1, port: \(proxy.port)}"
        let project = try HTTPBackEndProject(
            "http://erp.internal.example:8080/api",
            settings: settings,
            transactions: "stay: {path: /stay}\nleave: {path: /leave}\nmetadata: {path: /metadata}"
        )
        _ = try await project.call("stay").get()
        for transaction in ["leave", "metadata"] {
            let failure = project.reason(of: await project.call(transaction))
            #expect(failure?.code == "redirect_refused", "\(transaction)")
        }
        for (host, code) in [
            ("169.254.169.254", "address_refused"), ("[fe80::1]", "address_refused"), ("2852039166", "connect_failed"),
            ("0xa9.0xfea9fe", "connect_failed"),
        ] {
            let direct = try HTTPBackEndProject(
                "http://\(host)/api",
                settings: settings,
                transactions: "read: {path: /x}"
            )
            #expect(direct.reason(of: await direct.call("read"))?.code == code, "\(host)")
            await direct.close()
        }
        #expect(proxy.received.allSatisfy { $0.target.hasPrefix("/api") || $0.target.hasPrefix("erp.internal.") })
        await project.close()
        await proxy.stop()
    }

    @Test func `the machine itself is out of reach unless the project says otherwise`() async throws {
        let backEnd = try await BackEnd.start { _ in
            [.answer(302, "", headers: ["Location: http://169.254.169.254/x"])]
        }
        for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]"] {
            let project = try HTTPBackEndProject(
                "http://\(host):\(backEnd.port)",
                transactions: "read: {path: /}",
                addresses: "public, private"
            )
            let failure = try #require(project.reason(of: await project.call("read")))
            #expect(failure.code == "address_refused")
            #expect(failure.effect == .none)
            await project.close()
        }
        #expect(backEnd.connectionCount == 0)
        let project = try HTTPBackEndProject(backEnd.url, transactions: "read: {path: /}")
        #expect(project.reason(of: await project.call("read"))?.code == "address_refused")
        #expect(backEnd.connectionCount == 1)
        await project.close()
        await backEnd.stop()
    }
}

/// A certificate for `localhost`, as PEM.
private struct Certificate {
    let certificate: String
    let key: String

    static func make() async throws -> Certificate {
        let maker = TestCertificate(directory: TestDirectory.make("certificate"))
        try await maker.make()
        return Certificate(
            certificate: try TextFile.read(maker.files.certificate),
            key: try TextFile.read(maker.files.key)
        )
    }
}

/// A server's view of Digest, apart from the connector's.
private enum DigestCheck {
    static func isRight(_ header: String, _ request: BackEnd.Received, nonce: String, algorithm: String) -> Bool {
        var fields: [String: String] = [:]
        for match in header.matches(of: /([a-z]+)=(?:"((?:[^"\\]|\\.)*)"|([^ ,]+))/) {
            fields[String(match.1)] = String(match.2 ?? match.3 ?? "")
        }
        guard fields["nonce"] == nonce, fields["uri"] == request.target, fields["opaque"] == "o",
            fields["username"] == "ada", let hash = DigestChallenge.Algorithm(rawValue: algorithm)?.hash
        else { return false }
        let secret = hash("ada:a \"b\":s3cret")
        let target = hash("\(request.method):\(request.target)")
        let right = hash("\(secret):\(nonce):\(fields["nc"] ?? ""):\(fields["cnonce"] ?? ""):auth:\(target)")
        return fields["response"] == right
    }
}
