import CLDAP

/// The socket of a session, which any thread may shut.
///
/// The session refers to it, and must have ended before it does.
final class WatchedSocket: @unchecked Sendable {  // because a lock in it guards what the threads share
    private let pointer: UnsafeMutablePointer<cldap_socket>
    private let rules: Rules

    /// Which addresses may be reached.
    private final class Rules: Sendable {
        let allow: @Sendable ([UInt8]) -> Bool

        init(_ allow: @escaping @Sendable ([UInt8]) -> Bool) {
            self.allow = allow
        }
    }

    /// Watches the socket that the session will open, and keeps it from being opened to another address.
    init(of session: OpaquePointer, to server: LDAPServer) {
        rules = Rules(server.allows)
        pointer = cldap_watch_socket(
            session,
            server.maximumMessage,
            { context, address, length in
                guard let context, let address else { return 0 }
                let rules = Unmanaged<Rules>.fromOpaque(context).takeUnretainedValue()
                return rules.allow(Array(UnsafeBufferPointer(start: address, count: Int(length)))) ? 1 : 0
            },
            Unmanaged.passUnretained(rules).toOpaque()
        )
    }

    deinit {
        cldap_free_socket(pointer)
    }

    /// Ends what the session waits for; it opens no other one.
    func shut() { cldap_shut_socket(pointer) }
}
