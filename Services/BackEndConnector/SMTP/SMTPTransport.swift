import NIOCore
import NIOPosix
import NIOSSL
import Projects

/// Holds conversations with mail servers, one connection each.
struct SMTPTransport: Sendable {
    private static let connectTimeout: TimeAmount = .seconds(10)

    /// Has a conversation to its end.
    ///
    /// - Parameter sent: Is called when the whole mail is about to be sent: from then on its fate is not known until
    ///   the server says it.
    /// - Returns: What the server said when it took the mail.
    /// - Throws: `SMTPFailure`, ``Lost``, and what NIO throws when no connection can be made.
    func hold(
        _ conversation: SMTPConversation,
        with connector: SMTPConnector,
        sent: @escaping @Sendable () -> Void
    ) async throws -> String {
        let context = try Self.context(connector.security)
        let host = connector.host
        let isSecure = connector.security.mode != .none && !connector.startsTLS
        let channel = try await ClientBootstrap(group: MultiThreadedEventLoopGroup.singleton)
            .connectTimeout(Self.connectTimeout)
            .connect(host: host, port: connector.port) { channel in
                channel.eventLoop.makeCompletedFuture {
                    if isSecure { try channel.pipeline.syncOperations.addHandler(Self.handler(context, host)) }
                    return try NIOAsyncChannel<ByteBuffer, ByteBuffer>(wrappingChannelSynchronously: channel)
                }
            }
        return try await channel.executeThenClose { inbound, outbound in
            // The name may have come to stand for another address since it was looked up.
            if let address = channel.channel.remoteAddress?.ipAddress.flatMap({ IPAddress($0) }) {
                try AddressGuard.check(address, connector.addresses)
            }
            return try await Self.hold(conversation, inbound, outbound, sent: sent) {
                let pipeline = channel.channel
                try await pipeline.eventLoop.submit {
                    try pipeline.pipeline.syncOperations.addHandler(Self.handler(context, host), position: .first)
                }.get()
            }
        }
    }

    /// The server ended the connection.
    struct Lost: Error {}

    private static func hold(
        _ conversation: SMTPConversation,
        _ inbound: NIOAsyncChannelInboundStream<ByteBuffer>,
        _ outbound: NIOAsyncChannelOutboundWriter<ByteBuffer>,
        sent: () -> Void,
        secure: () async throws -> Void
    ) async throws -> String {
        var conversation = conversation
        var reader = SMTPReplyReader()
        for try await buffer in inbound {
            var bytes = buffer.readableBytesView[...]
            while let byte = bytes.popFirst() {
                guard let reply = try reader.append(byte) else { continue }
                switch try conversation.next(reply) {
                case .send(let bytes):
                    if conversation.isOutcomeUnknown { sent() }
                    try await outbound.write(ByteBuffer(bytes: bytes))
                case .secure:
                    // What came behind the reply came from somebody who is not the server that TLS will show.
                    guard bytes.isEmpty, !reader.isInReply else {
                        throw SMTPFailure.noReply("something before TLS began")
                    }
                    try await secure()
                    guard case .send(let hello) = conversation.secured() else { continue }
                    try await outbound.write(ByteBuffer(bytes: hello))
                case .end(let farewell):
                    try? await outbound.write(ByteBuffer(bytes: farewell))
                    return reply.text
                }
            }
        }
        throw Lost()
    }

    private static func context(_ security: ConnectionSecurity) throws -> NIOSSLContext {
        var configuration = TLSConfiguration.makeClientConfiguration()
        if security.mode == .encrypt { configuration.certificateVerification = .none }
        if let pem = security.certificateAuthority {
            configuration.trustRoots = .certificates(try NIOSSLCertificate.fromPEMBytes(Array(pem.utf8)))
        }
        return try NIOSSLContext(configuration: configuration)
    }

    private static func handler(_ context: NIOSSLContext, _ host: String) throws -> NIOSSLClientHandler {
        // An address has no name that a certificate is for; then the certificate must have the address.
        let isAddress = (try? SocketAddress(ipAddress: host, port: 0)) != nil
        return try NIOSSLClientHandler(context: context, serverHostname: isAddress ? nil : host)
    }
}
