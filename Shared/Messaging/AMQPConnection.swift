internal import CRabbitMQ
internal import Glibc

/// One connection of librabbitmq: owns it, and is used by one thread only, as the library demands.
///
/// What can be answered late (publishing, acknowledging) is sent and not waited for. What sets things up is a call that
/// waits for its answer; frames that come meanwhile are kept by the library, in order, for `nextFrame`.
struct AMQPConnection: ~Copyable {
    let state: amqp_connection_state_t
    let arena = AMQPArena()

    private init(adopting state: amqp_connection_state_t) {
        self.state = state
    }

    deinit {
        // amqp_destroy_connection closes the socket too.
        amqp_destroy_connection(state)
    }

    /// Connects and logs in (`amqp_socket_open_noblock`, `amqp_login_with_properties`).
    static func open(_ configuration: MessagingConfiguration) throws(MessagingError) -> AMQPConnection {
        guard let state = amqp_new_connection() else {
            throw .connectionFailed("out of memory")
        }
        let connection = AMQPConnection(adopting: state)
        try connection.connect(configuration)
        try connection.logIn(configuration)
        return connection
    }

    /// The socket, to wait on.
    var fileDescriptor: Int32 {
        amqp_get_sockfd(state)
    }

    /// The highest channel number that the broker allows.
    var maximumChannel: UInt16 {
        UInt16(clamping: amqp_get_channel_max(state))
    }

    /// Whether a frame may be had without reading the socket.
    var hasBufferedInput: Bool {
        amqp_data_in_buffer(state) != 0 || amqp_frames_enqueued(state) != 0
    }

    /// The next frame and its channel, or nil when none is there yet; sends and checks heartbeats by the way.
    func nextFrame() throws(MessagingError) -> (channel: UInt16, frame: InboundFrame)? {
        var frame = amqp_frame_t()
        var now = timeval()
        let status = amqp_simple_wait_frame_noblock(state, &frame, &now)
        if status == AMQP_STATUS_TIMEOUT.rawValue { return nil }
        try Self.check(status)
        let result = InboundFrame(frame)
        amqp_maybe_release_buffers_on_channel(state, frame.channel)
        return (frame.channel, result)
    }

    /// Holds back packets that are not full, or lets them go: many small frames then leave in few packets.
    func setCorked(_ isCorked: Bool) {
        var value: Int32 = isCorked ? 1 : 0
        setsockopt(fileDescriptor, Int32(IPPROTO_TCP), TCP_CORK, &value, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Says goodbye and waits for the answer, no longer than the call time-out (`amqp_connection_close`).
    func close() {
        _ = amqp_connection_close(state, AMQP_REPLY_SUCCESS)
    }

    private func connect(_ configuration: MessagingConfiguration) throws(MessagingError) {
        let address = configuration.address
        let socket =
            try address.tls.map { tls throws(MessagingError) in try secureSocket(tls) }
            ?? amqp_tcp_socket_new(state)
        guard let socket else {
            throw .connectionFailed("out of memory")
        }
        var timeout = timeval(configuration.connectTimeout)
        amqp_set_handshake_timeout(state, &timeout)
        amqp_set_rpc_timeout(state, &timeout)
        let status = amqp_socket_open_noblock(socket, address.host, Int32(address.port), &timeout)
        guard status == AMQP_STATUS_OK.rawValue else {
            throw .connectionFailed("\(address): \(Self.text(status))")
        }
        guard let peer = peerAddress, configuration.allowsAddress(peer) else {
            throw .connectionFailed("\(address): its address is none that may be reached")
        }
        // A fixed size, so that "writable" means room for a frame of `bodyFrameSize` (Linux: a third is free).
        var size: Int32 = 212_992
        setsockopt(fileDescriptor, SOL_SOCKET, SO_SNDBUF, &size, socklen_t(MemoryLayout<Int32>.size))
    }

    /// Where the socket leads, as 4 or 16 bytes.
    private var peerAddress: [UInt8]? {
        var storage = sockaddr_storage()
        var length = socklen_t(MemoryLayout<sockaddr_storage>.size)
        return withUnsafeMutablePointer(to: &storage) { storage in
            storage.withMemoryRebound(to: sockaddr.self, capacity: 1) { address in
                guard getpeername(fileDescriptor, address, &length) == 0 else { return nil }
                switch Int32(address.pointee.sa_family) {
                case AF_INET:
                    return address.withMemoryRebound(to: sockaddr_in.self, capacity: 1) { address in
                        withUnsafeBytes(of: &address.pointee.sin_addr, Array.init)
                    }
                case AF_INET6:
                    return address.withMemoryRebound(to: sockaddr_in6.self, capacity: 1) { address in
                        withUnsafeBytes(of: &address.pointee.sin6_addr, Array.init)
                    }
                default: return nil
                }
            }
        }
    }

    private func secureSocket(_ tls: BrokerAddress.TLS) throws(MessagingError) -> OpaquePointer? {
        guard let socket = amqp_ssl_socket_new(state) else { return nil }
        amqp_ssl_socket_set_verify_peer(socket, tls.verifiesPeer ? 1 : 0)
        amqp_ssl_socket_set_verify_hostname(socket, tls.verifiesPeer ? 1 : 0)
        amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2, AMQP_TLSvLATEST)
        let authorities = tls.authoritiesFile ?? (tls.verifiesPeer ? Self.systemAuthorities() : nil)
        if let authorities, amqp_ssl_socket_set_cacert(socket, authorities) != AMQP_STATUS_OK.rawValue {
            throw .invalidConfiguration("cannot read certificate authorities from '\(authorities)'")
        }
        if let certificate = tls.certificateFile, let key = tls.keyFile,
            amqp_ssl_socket_set_key(socket, certificate, key) != AMQP_STATUS_OK.rawValue
        {
            throw .invalidConfiguration("cannot use certificate '\(certificate)' with key '\(key)'")
        }
        return socket
    }

    /// Where distributions keep the authorities that the system trusts; the library asks nobody by itself.
    private static func systemAuthorities() -> String? {
        ["/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/cert.pem"]
            .first { access($0, R_OK) == 0 }
    }

    private func logIn(_ configuration: MessagingConfiguration) throws(MessagingError) {
        defer { arena.recycle() }
        var properties = arena.table([
            "connection_name": .string(configuration.connectionName),
            "product": "full-sync",
            "capabilities": .table([
                "authentication_failure_close": true,
                "basic.nack": true,
                "connection.blocked": true,
                "consumer_cancel_notify": true,
                "publisher_confirms": true,
            ]),
        ])
        let address = configuration.address
        let reply = fullsync_amqp_login_plain(
            state,
            address.virtualHost,
            AMQP_DEFAULT_MAX_CHANNELS,
            AMQP_DEFAULT_FRAME_SIZE,
            Int32(clamping: configuration.heartbeat.components.seconds),
            &properties,
            address.user,
            address.password
        )
        do throws(MessagingError) {
            try check(reply, channel: 0)
        } catch .connectionClosed(let code, let text) where code == 403 || code == 530 {
            throw .accessRefused(text)
        } catch .connectionFailed(let reason) {
            throw .connectionFailed("\(address): \(reason)")
        }
    }
}
