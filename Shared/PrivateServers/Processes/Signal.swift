import Glibc

/// A signal that one process sends another.
package enum Signal: Sendable {
    /// Please end: what daemons take as the request to finish their work and go.
    case terminate
    /// What Ctrl-C sends. To PostgreSQL it means a fast shutdown: end the sessions, write a checkpoint, go.
    case interrupt
    /// To PostgreSQL it means an immediate shutdown: go now, recover at the next start.
    case quit
    /// Cannot be caught.
    case kill

    /// The number that `kill(2)` takes.
    var number: Int32 {
        switch self {
        case .terminate: SIGTERM
        case .interrupt: SIGINT
        case .quit: SIGQUIT
        case .kill: SIGKILL
        }
    }

    /// The name that `setpriv --pdeathsig` takes.
    var name: String {
        switch self {
        case .terminate: "TERM"
        case .interrupt: "INT"
        case .quit: "QUIT"
        case .kill: "KILL"
        }
    }
}
