import NIOSSL
import Projects
import ServiceLifecycle

/// The connections to back ends over HTTP, kept until the process ends.
struct HTTPTransports: Service {
    private let transports = KeptClients<HTTPWay, HTTPTransport> { await $0.close() }

    /// The transport for a call's way to its back end.
    func transport(of call: HTTPCaller.Call) throws(ExchangeFailure) -> HTTPTransport {
        let way = HTTPWay(call.connector)
        return try transports.client(of: call.name, for: way) { () throws(ExchangeFailure) in try HTTPTransport(way) }
    }

    func run() async throws {
        try? await gracefulShutdown()
        await close()
    }

    func close() async { await transports.closeAll() }
}

extension HTTPCertificates {
    /// What the TLS library is told.
    func configuration() throws(ExchangeFailure) -> TLSConfiguration {
        var configuration = TLSConfiguration.makeClientConfiguration()
        do {
            if let authority {
                configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(authority.utf8)))
            }
            if let own {
                configuration.certificateChain = try NIOSSLCertificate.fromPEMBytes(Array(own.chain.utf8))
                    .map { .certificate($0) }
                configuration.privateKey = .privateKey(
                    try NIOSSLPrivateKey(bytes: Array(own.key.utf8), format: .pem)
                )
            }
        } catch {
            throw .connectFailed("the connector's certificates cannot be read")
        }
        return configuration
    }
}
