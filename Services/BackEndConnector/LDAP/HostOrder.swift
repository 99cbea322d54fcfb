import Synchronization

/// Which server of each directory is asked first: the one that answered last, so that a dead one costs time but once.
final class HostOrder: Sendable {
    private let answered = Mutex<[ConnectorName: String]>([:])

    /// The hosts of a connector in the order in which they are to be tried.
    func order(_ hosts: [String], of name: ConnectorName) -> [String] {
        guard hosts.count > 1, let first = answered.withLock({ $0[name] }), let index = hosts.firstIndex(of: first)
        else {
            return hosts
        }
        var hosts = hosts
        hosts.insert(hosts.remove(at: index), at: 0)
        return hosts
    }

    /// Notes that a host answered.
    func note(_ host: String, of name: ConnectorName) {
        answered.withLock { $0[name] = host }
    }
}
