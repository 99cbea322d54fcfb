import CLDAP
import Glibc

/// One connection to a directory, used from one thread, ended with its owner.
///
/// Every call blocks, no longer than up to the deadline. Referrals to other servers are not followed. The process must
/// ignore SIGPIPE, because libldap may write to a socket that was shut at the deadline.
///
/// Source: `ldap(3)` and the pages that it names.
package final class LDAPSession {
    private let pointer: OpaquePointer
    private var deadline: ContinuousClock.Instant
    private let addressCount: Int
    /// Ends what the session waits for when the time is over.
    private let alarm: SocketAlarm

    private init(adopting pointer: OpaquePointer, to server: LDAPServer, deadline: ContinuousClock.Instant) {
        self.pointer = pointer
        self.deadline = deadline
        addressCount = max(1, server.addressCount)
        alarm = SocketAlarm(of: WatchedSocket(of: pointer, to: server), at: deadline)
    }

    deinit {
        ldap_unbind_ext(pointer, nil, nil)
        alarm.turnOff()
    }

    /// `ldap_initialize`, StartTLS and the bind, as far as they are asked for; a session without them connects with its
    /// first call.
    ///
    /// - Parameters:
    ///   - account: Who is bound; nil is nobody.
    ///   - answerDeadline: Until when the server must have answered something, when that is before the deadline; who
    ///     has nothing else to ask asks it whether it is there.
    package static func connect(
        _ server: LDAPServer,
        as account: (dn: String, password: String)? = nil,
        answeringBy answerDeadline: ContinuousClock.Instant? = nil,
        until deadline: ContinuousClock.Instant
    ) throws(LDAPError) -> LDAPSession {
        var pointer: OpaquePointer?
        let code = ldap_initialize(&pointer, server.url)
        guard code == LDAP_SUCCESS, let pointer else { throw .unavailable(words(code)) }
        let firstDeadline = min(answerDeadline ?? deadline, deadline)
        let session = LDAPSession(adopting: pointer, to: server, deadline: firstDeadline)
        try session.configure(server)
        if server.security == .startTLS {
            try session.limitTime()
            let code = ldap_start_tls_s(pointer, nil, nil)
            guard code == LDAP_SUCCESS else {
                let error = session.error(code)
                // A server that refuses TLS has not been asked what it was to be asked.
                throw error.isAnswer ? .unavailable(words(code)) : error
            }
        }
        if let account {
            try session.bind(account.dn, password: account.password)
        } else if server.security != .startTLS, firstDeadline < deadline {
            try session.askWhetherThere()
        }
        guard session.alarm.move(to: deadline) else { throw .timedOut }
        session.deadline = deadline
        return session
    }

    /// Asks for the root entry, which every directory has (RFC 4512, section 5.1); whatever it answers, it is there.
    private func askWhetherThere() throws(LDAPError) {
        let root = LDAPSearch(
            base: "",
            scope: .base,
            filter: "(objectClass=*)",
            // No attributes (RFC 4511, section 4.5.1.8).
            attributes: ["1.1"],
            maximumEntries: 1,
            maximumBytes: 1 << 10
        )
        do throws(LDAPError) {
            _ = try search(root)
        } catch {
            guard error.isAnswer else { throw error }
        }
    }

    private func configure(_ server: LDAPServer) throws(LDAPError) {
        var codes = [
            cldap_set_number(pointer, LDAP_OPT_PROTOCOL_VERSION, LDAP_VERSION3),
            cldap_refuse_referrals(pointer),
        ]
        if server.security != .none {
            let verification = server.verifies ? LDAP_OPT_X_TLS_DEMAND : LDAP_OPT_X_TLS_NEVER
            codes.append(cldap_set_number(pointer, LDAP_OPT_X_TLS_REQUIRE_CERT, verification))
            if let file = server.authorityFile {
                codes.append(ldap_set_option(pointer, LDAP_OPT_X_TLS_CACERTFILE, file))
            }
            // What was set takes effect in a new context.
            codes.append(cldap_set_number(pointer, LDAP_OPT_X_TLS_NEWCTX, 0))
        }
        guard codes.allSatisfy({ $0 == LDAP_SUCCESS }) else { throw .unavailable("its settings are not usable") }
    }

    /// A simple bind (RFC 4511, section 4.2).
    ///
    /// A name without a password would be a bind as nobody, which succeeds: it is refused here.
    package func bind(_ dn: String, password: String) throws(LDAPError) {
        guard !dn.isEmpty, !password.isEmpty else { throw .invalidCredentials }
        try limitTime()
        var bytes = Array(password.utf8CString)
        let length = bytes.count - 1
        let code = bytes.withUnsafeMutableBufferPointer { buffer in
            var credentials = berval(bv_len: ber_len_t(length), bv_val: buffer.baseAddress)
            return ldap_sasl_bind_s(pointer, dn, nil, &credentials, nil, nil, nil)
        }
        guard code == LDAP_SUCCESS else { throw error(code) }
    }

    /// `ldap_search_ext`, entry by entry.
    package func search(_ search: LDAPSearch) throws(LDAPError) -> [LDAPEntry] {
        let message = try send(search)
        var entries: [LDAPEntry] = []
        var bytes = 0
        do throws(LDAPError) {
            while true {
                let result = try next(message)
                switch ldap_msgtype(result.pointer) {
                case CLDAP_RES_SEARCH_ENTRY:
                    guard entries.count < search.maximumEntries else { throw .limitExceeded(.entries) }
                    let entry = entry(result)
                    bytes += entry.attributes.reduce(0) { $0 + $1.values.reduce(0) { $0 + $1.count } }
                    guard bytes <= search.maximumBytes else { throw .limitExceeded(.bytes) }
                    entries.append(entry)
                case CLDAP_RES_SEARCH_RESULT:
                    try check(result)
                    return entries
                // A reference to where more may be: not followed.
                default: continue
                }
            }
        } catch {
            ldap_abandon_ext(pointer, message, nil, nil)
            throw error
        }
    }

    private func send(_ search: LDAPSearch) throws(LDAPError) -> Int32 {
        let time = try limitTime()
        var limit = timeval(tv_sec: max(1, Int(time.components.seconds)), tv_usec: 0)
        var message: Int32 = 0
        var names = search.attributes.map { strdup($0) } + [nil]
        defer { for name in names { free(name) } }
        let code = names.withUnsafeMutableBufferPointer { names in
            ldap_search_ext(
                pointer,
                search.base,
                search.scope.code,
                search.filter,
                search.attributes.isEmpty ? nil : names.baseAddress,
                0,
                nil,
                nil,
                &limit,
                // One more than is wanted, which tells whether there are more.
                Int32(clamping: search.maximumEntries + 1),
                &message
            )
        }
        guard code == LDAP_SUCCESS else { throw error(code) }
        return message
    }

    private func next(_ message: Int32) throws(LDAPError) -> Message {
        let time = try limitTime()
        var patience = timeval(tv_sec: Int(time.components.seconds), tv_usec: time.microseconds)
        var result: OpaquePointer?
        errno = 0
        switch ldap_result(pointer, message, CLDAP_MSG_ONE, &patience, &result) {
        case 0: throw .timedOut
        case -1:
            // What liblber says of a message that is longer than the socket's limit.
            guard errno != ERANGE else { throw .limitExceeded(.bytes) }
            var code = LDAP_SERVER_DOWN
            ldap_get_option(pointer, LDAP_OPT_RESULT_CODE, &code)
            throw error(code)
        default:
            guard let result else { throw .connectionLost }
            return Message(adopting: result)
        }
    }

    /// A message of the directory, freed with its owner.
    private final class Message {
        let pointer: OpaquePointer

        init(adopting pointer: OpaquePointer) {
            self.pointer = pointer
        }

        deinit {
            ldap_msgfree(pointer)
        }
    }

    private func check(_ message: Message) throws(LDAPError) {
        var code: Int32 = 0
        var words: UnsafeMutablePointer<CChar>?
        let parsed = ldap_parse_result(pointer, message.pointer, &code, nil, &words, nil, nil, 0)
        defer { ldap_memfree(words) }
        guard parsed == LDAP_SUCCESS else { throw error(parsed) }
        guard code == LDAP_SUCCESS else {
            throw Self.error(code, words.map { String(cString: $0) } ?? "")
        }
    }

    private func entry(_ message: Message) -> LDAPEntry {
        let name = ldap_get_dn(pointer, message.pointer)
        defer { ldap_memfree(name) }
        var attributes: [(name: String, values: [[UInt8]])] = []
        var position: OpaquePointer?
        var attribute = ldap_first_attribute(pointer, message.pointer, &position)
        while let current = attribute {
            attributes.append((String(cString: current), values(of: current, in: message)))
            ldap_memfree(current)
            attribute = ldap_next_attribute(pointer, message.pointer, position)
        }
        if let position { ber_free(position, 0) }
        return LDAPEntry(dn: name.map { String(cString: $0) } ?? "", attributes: attributes)
    }

    private func values(of attribute: UnsafePointer<CChar>, in message: Message) -> [[UInt8]] {
        guard let list = ldap_get_values_len(pointer, message.pointer, attribute) else { return [] }
        defer { ldap_value_free_len(list) }
        return (0..<Int(ldap_count_values_len(list))).map { index in
            guard let value = list[index]?.pointee, let start = value.bv_val else { return [] }
            return Array(UnsafeRawBufferPointer(start: start, count: Int(value.bv_len)))
        }
    }

    /// Limits what comes next to what is left of the time.
    @discardableResult
    private func limitTime() throws(LDAPError) -> Duration {
        let time = ContinuousClock.now.duration(to: deadline)
        guard time > .zero else { throw .timedOut }
        // For connecting to each address, and for the calls that wait for their answer.
        set(LDAP_OPT_NETWORK_TIMEOUT, time / addressCount)
        set(LDAP_OPT_TIMEOUT, time)
        return time
    }

    private func set(_ option: Int32, _ time: Duration) {
        _ = cldap_set_time(pointer, option, Int(time.components.seconds), max(1, time.microseconds))
    }

    private func error(_ code: Int32) -> LDAPError {
        var words: UnsafeMutablePointer<CChar>?
        ldap_get_option(pointer, LDAP_OPT_DIAGNOSTIC_MESSAGE, &words)
        defer { ldap_memfree(words) }
        if code == LDAP_SERVER_DOWN || code == LDAP_CONNECT_ERROR, ContinuousClock.now >= deadline { return .timedOut }
        return Self.error(code, words.map { String(cString: $0) } ?? "")
    }

    private static func error(_ code: Int32, _ message: String) -> LDAPError {
        switch code {
        case LDAP_SERVER_DOWN, LDAP_CONNECT_ERROR: .unavailable(words(code))
        case LDAP_TIMEOUT, LDAP_TIMELIMIT_EXCEEDED: .timedOut
        case LDAP_INVALID_CREDENTIALS: .invalidCredentials
        case LDAP_SIZELIMIT_EXCEEDED, LDAP_ADMINLIMIT_EXCEEDED: .limitExceeded(.entries)
        default: .refused(code: Int(code), message: message.isEmpty ? words(code) : message)
        }
    }

    /// `ldap_err2string`.
    private static func words(_ code: Int32) -> String { String(cString: ldap_err2string(code)) }
}

extension LDAPSearch.Scope {
    fileprivate var code: Int32 {
        switch self {
        case .base: CLDAP_SCOPE_BASE
        case .one: CLDAP_SCOPE_ONE
        case .subtree: CLDAP_SCOPE_SUBTREE
        }
    }
}

extension Duration {
    /// What is beyond the whole seconds.
    fileprivate var microseconds: Int { Int(components.attoseconds / 1_000_000_000_000) }
}
