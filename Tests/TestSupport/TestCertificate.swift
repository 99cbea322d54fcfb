package import PrivateServers

/// A certificate for `localhost` that is its own authority, for the tests' servers.
package struct TestCertificate: Sendable {
    let directory: String

    package init(directory: String) {
        self.directory = directory
    }

    package var files: TLSFiles {
        TLSFiles(authority: certificate, certificate: certificate, key: directory + "/tls-key.pem")
    }

    /// Makes it, with a new key, for that name: `DNS:localhost`, or `IP:127.0.0.1`.
    package func make(for name: String = "DNS:localhost") async throws {
        try await CommandFailure.check(
            "/usr/bin/openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-subj", "/CN=localhost", "-addext", "subjectAltName=\(name)",
                "-keyout", files.key, "-out", certificate,
            ]
        )
    }

    private var certificate: String { directory + "/tls-certificate.pem" }
}
