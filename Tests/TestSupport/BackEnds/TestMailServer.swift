import Foundation
import PrivateServers

/// A mail server (Debian's python3-aiosmtpd) that keeps what it gets as files; its certificate is for `localhost`.
package struct TestMailServer: Sendable {
    /// How it wants to be spoken with.
    package enum Manner: String, Sendable {
        /// It offers STARTTLS, and takes mails after it and a login alone.
        case startTLS
        /// TLS from the first byte.
        case tls
        /// Neither TLS nor a login.
        case plain
    }

    package let port: Int
    /// The authority that vouches for it, as PEM.
    package let authority: String
    package let user = "shop"
    package let password = "pass w=rd\"ü"
    private let directory: String

    /// An address that the server does not take mails for.
    package static let unknown = "nobody@example.com"

    /// Starts one; it ends with the process that runs the tests.
    package static func start(_ manner: Manner) async throws -> TestMailServer {
        let server = TestServerProcess("mail")
        let directory = server.directory
        let certificate = TestCertificate(directory: directory)
        try await certificate.make()
        try FileManager.default.createDirectory(atPath: directory + "/mails", withIntermediateDirectories: true)
        try TextFile.replace(directory + "/server.py", with: program)
        let mail = { (port: Int, authority: String) in
            TestMailServer(port: port, authority: authority, directory: directory)
        }
        let known = mail(0, "")
        let port = try await server.start(
            "/usr/bin/python3",
            environment: ["MAIL_USER": known.user, "MAIL_PASSWORD": known.password, "PYTHONUTF8": "1"]
        ) { port in
            [
                directory + "/server.py", String(port), manner.rawValue, directory + "/mails",
                certificate.files.certificate, certificate.files.key,
            ]
        }
        return mail(port, try TextFile.read(certificate.files.authority))
    }

    /// What it has taken: the envelope, an empty line, and the mail as it came.
    package func mails() throws -> [String] {
        let folder = directory + "/mails"
        return try FileManager.default.contentsOfDirectory(atPath: folder).filter { !$0.hasPrefix(".") }.sorted().map {
            try TextFile.read("\(folder)/\($0)")
        }
    }

    private static let program = """
        import asyncio, os, ssl, sys
        from aiosmtpd.smtp import SMTP, AuthResult

        port, manner, folder, certificate, key = sys.argv[1:]
        context = ssl.create_default_context(ssl.Purpose.CLIENT_AUTH)
        context.load_cert_chain(certificate, key)

        class Keeper:
            count = 0

            async def handle_RCPT(self, server, session, envelope, address, options):
                if address == '\(unknown)':
                    return '550 5.1.1 no such user here'
                envelope.rcpt_tos.append(address)
                return '250 OK'

            async def handle_DATA(self, server, session, envelope):
                Keeper.count += 1
                name = '%06d' % Keeper.count
                head = 'MAIL FROM:%s\\nRCPT TO:%s\\n\\n' % (envelope.mail_from, ','.join(envelope.rcpt_tos))
                with open(folder + '/.' + name, 'wb') as file:
                    file.write(head.encode() + envelope.original_content)
                os.rename(folder + '/.' + name, folder + '/' + name)
                if b'X-Refuse: yes' in envelope.original_content:
                    return '554 5.7.1 not wanted'
                if b'X-Garble: yes' in envelope.original_content:
                    return 'what is no reply'
                return '250 kept as ' + name

        def authenticate(server, session, envelope, mechanism, data):
            known = (os.environ['MAIL_USER'].encode(), os.environ['MAIL_PASSWORD'].encode())
            success = (data.login, data.password) == known
            return AuthResult(success=success, handled=False)

        def protocol():
            options = {'timeout': 60, 'data_size_limit': 1000000}
            if manner == 'startTLS':
                options.update(tls_context=context, require_starttls=True, auth_required=True,
                               authenticator=authenticate)
            return SMTP(Keeper(), **options)

        async def main():
            tls = context if manner == 'tls' else None
            server = await asyncio.get_running_loop().create_server(protocol, '127.0.0.1', int(port), ssl=tls)
            await server.serve_forever()

        asyncio.run(main())
        """
}
