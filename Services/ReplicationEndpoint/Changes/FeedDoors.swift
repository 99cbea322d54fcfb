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
        let id = try state.withLock { state throws(CouchError) -> Int in
            guard state.holders.count < limits.perInstance else {
                throw .unavailable("This server has as many open feeds as it can have. Try again later.")
            }
            guard state.counts[holder, default: 0] < limit else {
                throw .tooManyRequests("You have \(limits.perUser) open feeds, the most that are allowed.")
            }
            state.nextID += 1
            state.holders[state.nextID] = holder
            state.counts[holder, default: 0] += 1
            // Here, so that the last one to count is the last one to record.
            gauge.record(state.holders.count)
            return state.nextID
        }
        return Pass(id: id)
    }

    /// Gives a pass back; once is enough, and twice does no harm.
    func close(_ pass: Pass) {
        state.withLock { state in
            guard let holder = state.holders.removeValue(forKey: pass.id) else { return }
            state.counts[holder, default: 1] -= 1
            if state.counts[holder] == 0 { state.counts[holder] = nil }
            gauge.record(state.holders.count)
        }
    }
}
