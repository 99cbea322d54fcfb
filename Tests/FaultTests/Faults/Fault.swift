/// Something that goes wrong while the system works.
enum Fault: Hashable, Sendable, CustomStringConvertible {
    /// A process ends at once, and is started again.
    case kill(String)
    /// A process stands still for so many seconds and then goes on as if nothing had been: a zombie, when its leases
    /// have passed to others meanwhile.
    case freeze(String, seconds: Int)
    /// The script hosts of a process end at once, and are started again.
    case killScriptHosts(of: String)
    /// The script hosts of a process stand still, until what is asked of them has taken too long, or to the end.
    case freezeScriptHosts(of: String)
    /// A server is ended in order, and comes back.
    case restart(Server)
    /// A server ends at once, and comes back.
    case crash(Server)
    /// The broker comes back with nothing: no exchanges, queues or messages.
    case wipeBroker
    /// The way to the back end is bad for so many seconds.
    case backEnd(BackEndProxy.Mode, seconds: Int)

    enum Server: String, Hashable, Sendable, CaseIterable {
        case postgres
        case rabbitmq
    }

    var description: String {
        switch self {
        case .kill(let name): "kill \(name)"
        case .freeze(let name, let seconds): "freeze \(name) for \(seconds) s"
        case .killScriptHosts(let name): "kill the script hosts of \(name)"
        case .freezeScriptHosts(let name): "freeze the script hosts of \(name)"
        case .restart(let server): "restart \(server.rawValue)"
        case .crash(let server): "crash \(server.rawValue)"
        case .wipeBroker: "wipe the broker"
        case .backEnd(let mode, let seconds): "back end: \(mode.rawValue) for \(seconds) s"
        }
    }
}
