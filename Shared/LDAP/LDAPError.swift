/// What can go wrong between this process and a directory.
///
/// No case holds a password or an entry's value.
package enum LDAPError: Error, Hashable, Sendable {
    /// No server can be reached, or its TLS is not what it must be: the library's words.
    case unavailable(String)
    /// The connection broke in the middle.
    case connectionLost
    /// The time was over.
    case timedOut
    /// The directory does not accept the name and the password (result 49).
    case invalidCredentials
    /// There are more entries, or more bytes, than were asked for.
    case limitExceeded(Limit)
    /// The directory refused, with its result code (RFC 4511, appendix A) and its words.
    case refused(code: Int, message: String)

    /// What there was too much of.
    package enum Limit: Hashable, Sendable {
        case entries
        case bytes
    }
}

extension LDAPError {
    /// Whether the server has answered, so that another server of the same directory would say no more.
    package var isAnswer: Bool {
        switch self {
        case .unavailable, .connectionLost, .timedOut: false
        case .invalidCredentials, .limitExceeded, .refused: true
        }
    }
}

extension LDAPError: CustomStringConvertible {
    package var description: String {
        switch self {
        case .unavailable(let reason): "the directory cannot be reached: \(reason)"
        case .connectionLost: "the connection to the directory broke"
        case .timedOut: "the directory did not answer in time"
        case .invalidCredentials: "the directory does not accept the name and the password"
        case .limitExceeded: "the directory's answer is too large"
        case .refused(let code, _): "the directory refused with result \(code)"
        }
    }
}
