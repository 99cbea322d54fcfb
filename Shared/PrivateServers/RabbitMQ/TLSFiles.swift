/// The files with which a private RabbitMQ also listens by TLS.
package struct TLSFiles: Sendable {
    /// The certificate of the authority, for the server and for those who connect to it; PEM.
    package var authority: String
    /// The server's certificate, for the name `localhost`; PEM.
    package var certificate: String
    /// The certificate's key; PEM.
    package var key: String

    package init(authority: String, certificate: String, key: String) {
        self.authority = authority
        self.certificate = certificate
        self.key = key
    }
}
