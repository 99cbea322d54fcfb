import PrivateServers

/// A certificate for `localhost` that is its own authority, for the tests' servers.
struct TestCertificate: Sendable {
    let directory: String

    var files: TLSFiles {
        TLSFiles(authority: certificate, certificate: certificate, key: directory + "/tls-key.pem")
    }

    /// Makes it, with a new key.
    func make() async throws {
        try await CommandFailure.check(
            "/usr/bin/openssl",
            [
                "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:prime256v1", "-nodes", "-days", "2",
                "-subj", "/CN=localhost", "-addext", "subjectAltName=DNS:localhost",
                "-keyout", files.key, "-out", certificate,
            ]
        )
    }

    private var certificate: String { directory + "/tls-certificate.pem" }
}
