import CouchProtocol
import Metrics
import Synchronization

/// Counts the feeds that are open, and lets no more in than are allowed.
final class FeedDoors: Sendable {
    /// The right to one open feed.
    struct Pass: Sendable {
        fileprivate let id: Int
    }

    private struct State {
        var nextID = 0
        /// Who has which.
        var holders: [Int: String] = [:]
        var counts: [String: Int] = [:]
    }

    let limits: FeedLimits
    let hangUps: HangUps
    private let state = Mutex(State())
    private let gauge = Gauge(label: "fullsync_open_feeds")

    init(_ limits: FeedLimits, hangUps: HangUps) {
        self.limits = limits
        self.hangUps = hangUps
    }

    /// - Throws: 503 when this instance has no room, 429 when the caller has too many. Administrators are not counted
    ///   apart.
    func open(for principal: Principal) throws(CouchError) -> Pass {
        let holder = principal.isAdministrator ? "administrator" : "user \(principal.name ?? "")"
        let limit = principal.isAdministrator ? Int.max : limits.perUser
        let (id, total) = try state.withLock { state throws(CouchError) -> (Int, Int) in
            guard state.holders.count < limits.perInstance else {
                throw .unavailable("This server has as many open feeds as it can have. Try again later.")
            }
            guard state.counts[holder, default: 0] < limit else {
                throw .tooManyRequests("You have \(limits.perUser) open feeds, the most that are allowed.")
            }
            state.nextID += 1
            state.holders[state.nextID] = holder
            state.counts[holder, default: 0] += 1
            return (state.nextID, state.holders.count)
        }
        gauge.record(total)
        return Pass(id: id)
    }

    /// Gives a pass back; once is enough, and twice does no harm.
    func close(_ pass: Pass) {
        let total = state.withLock { state -> Int? in
            guard let holder = state.holders.removeValue(forKey: pass.id) else { return nil }
            state.counts[holder, default: 1] -= 1
            if state.counts[holder] == 0 { state.counts[holder] = nil }
            return state.holders.count
        }
        if let total { gauge.record(total) }
    }
}
