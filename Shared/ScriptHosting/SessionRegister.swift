import Synchronization

/// Which sessions have ended without their hosts knowing.
final class SessionRegister: Sendable {
    private let ended = Mutex<[JobQueue.HostKey: [Int]]>([:])

    /// How many ended sessions are remembered for a host; it forgets by itself what is beyond.
    private static let capacity = 1_000

    /// Remembers that a session has ended, for the hosts that have its values.
    func end(_ session: Int, on hosts: some Sequence<JobQueue.HostKey>) {
        ended.withLock { ended in
            for host in hosts where ended[host, default: []].count < Self.capacity {
                ended[host, default: []].append(session)
            }
        }
    }

    /// The sessions that have ended since this was asked last.
    func takeEnded(on host: JobQueue.HostKey) -> [Int] {
        ended.withLock { $0.removeValue(forKey: host) ?? [] }
    }

    /// Forgets a host that has ended.
    func forget(_ host: JobQueue.HostKey) {
        _ = ended.withLock { $0.removeValue(forKey: host) }
    }
}
