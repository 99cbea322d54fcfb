import Foundation
import PrivateServers

/// The OpenLDAP that the tests of a process share, as a back end's directory.
///
/// Only who is bound reads it; `cn=reader` may search, and the people of ``people`` have passwords.
package struct TestSlapd: Sendable {
    /// In the clear, and with StartTLS.
    package let port: Int
    /// TLS from the first byte.
    package let securePort: Int
    /// The authority that vouches for it, as PEM, and as a file.
    package let authority: String
    package let authorityFile: String

    package static let base = "dc=example,dc=org"
    package static let reader = "cn=reader,dc=example,dc=org"
    package static let readerPassword = "reader's secret"
    /// Who there is, with a password: one has a name that filters and names give a meaning.
    package static let people = ["ada": "lovelace", "o'(*)\\, +#": "odd"]

    /// Started by the first test that asks.
    package static func shared() async throws -> TestSlapd { try await starter.value }

    private static let starter = Task { try await start() }

    private static func start() async throws -> TestSlapd {
        // As services do: libldap may write to a socket that was shut when the time was over.
        signal(SIGPIPE, SIG_IGN)
        let server = TestServerProcess("slapd")
        let directory = server.directory
        let certificate = TestCertificate(directory: directory)
        // libldap takes `localhost` for the machine's own name, so the certificate is for the address.
        try await certificate.make(for: "IP:127.0.0.1")
        try FileManager.default.createDirectory(atPath: directory + "/data", withIntermediateDirectories: false)
        try TextFile.replace(directory + "/slapd.conf", with: configuration(directory, certificate.files))
        try TextFile.replace(directory + "/data.ldif", with: entries)
        try await CommandFailure.check(
            "/usr/sbin/slapadd",
            ["-f", directory + "/slapd.conf", "-l", directory + "/data.ldif"]
        )
        let ports = try await server.start("/usr/sbin/slapd", ports: 2) { ports in
            [
                "-d", "0", "-f", directory + "/slapd.conf",
                "-h", "ldap://127.0.0.1:\(ports[0]) ldaps://127.0.0.1:\(ports[1])",
            ]
        }
        return TestSlapd(
            port: ports[0],
            securePort: ports[1],
            authority: try TextFile.read(certificate.files.certificate),
            authorityFile: certificate.files.certificate
        )
    }

    private static func configuration(_ directory: String, _ tls: TLSFiles) -> String {
        """
        include /etc/ldap/schema/core.schema
        include /etc/ldap/schema/cosine.schema
        include /etc/ldap/schema/inetorgperson.schema
        pidfile \(directory)/pid
        modulepath /usr/lib/ldap
        moduleload back_mdb
        TLSCertificateFile \(tls.certificate)
        TLSCertificateKeyFile \(tls.key)
        database mdb
        suffix "\(base)"
        directory \(directory)/data
        access to attrs=userPassword by anonymous auth by * none
        access to * by users read by * none

        """
    }

    private static var entries: String {
        var text = """
            dn: \(base)
            objectClass: dcObject
            objectClass: organization
            o: Example
            dc: example

            dn: \(reader)
            objectClass: organizationalRole
            objectClass: simpleSecurityObject
            cn: reader
            userPassword: \(readerPassword)

            dn: ou=people,\(base)
            objectClass: organizationalUnit
            ou: people


            """
        for (name, password) in people.sorted(by: { $0.key < $1.key }) {
            // Both forms of a name in Base64: LDIF gives some characters a meaning.
            let dn = "cn=\(name == "ada" ? "ada" : #"o'(*)\5c\, \+#"#),ou=people,\(base)"
            text += """
                dn:: \(Data(dn.utf8).base64EncodedString())
                objectClass: inetOrgPerson
                cn:: \(Data(name.utf8).base64EncodedString())
                uid:: \(Data(name.utf8).base64EncodedString())
                sn: \(password)
                mail: \(password)@example.org
                mail: \(password)@example.com
                jpegPhoto:: /9j/AA==
                userPassword: \(password)


                """
        }
        return text
    }
}
