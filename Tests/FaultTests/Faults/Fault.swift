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
    /// The broker has an alarm for its memory for so many seconds, and takes no message.
    case memoryAlarm(seconds: Int)
    /// PostgreSQL ends the connections of a service, and of no other.
    case disconnect(String)
    /// The way to a server is bad for so many seconds.
    case way(Way, SpoiltWay.Mode, seconds: Int)
    /// Messages are taken away for so many seconds, and come late, twice, and in another order.
    case meddle(Mail, seconds: Int)

    enum Server: String, Hashable, Sendable, CaseIterable {
        case postgres
        case rabbitmq
    }

    /// From whom to which server.
    enum Way: String, Hashable, Sendable, CaseIterable {
        /// From the connectors.
        case backEnd = "back end"
        /// From the second instance of each service.
        case broker
        /// Likewise.
        case postgres
    }

    /// Which messages.
    enum Mail: String, Hashable, Sendable, CaseIterable {
        /// Of runs that are ready.
        case runs
        /// Of back ends, to this system.
        case notifications
        /// Transactions for the connectors.
        case connectorCalls = "connector calls"
        /// Those of committed changes, which each endpoint hears: only more of them can be sent.
        case changeEvents = "change events"
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
        case .memoryAlarm(let seconds): "memory alarm of the broker for \(seconds) s"
        case .disconnect(let name): "cut the connections from \(name) to PostgreSQL"
        case .way(let way, let mode, let seconds): "way to \(way.rawValue): \(mode.rawValue) for \(seconds) s"
        case .meddle(let mail, let seconds): "hold back and repeat \(mail.rawValue) of \(seconds) s"
        }
    }
}
