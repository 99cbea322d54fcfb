import CouchProtocol
import Synchronization

/// Counts the bytes of bodies that are in memory, so that all clients together cannot fill it.
final class BodyMemory: Sendable {
    private struct State {
        var total = 0
        var shares: [String: Int] = [:]
    }

    private let limit: Int
    private let state = Mutex(State())

    /// - Parameter limit: How many bytes there may be; a quarter of them of one caller.
    init(limit: Int) {
        self.limit = limit
    }

    /// How many bytes are in memory.
    var total: Int { state.withLock { $0.total } }

    fileprivate func take(_ bytes: Int, for holder: String) throws(CouchError) {
        try state.withLock { state throws(CouchError) in
            guard state.total + bytes <= limit else {
                throw .unavailable("This server reads as many bodies as it can at once. Try again later.")
            }
            guard state.shares[holder, default: 0] + bytes <= limit / 4 else {
                throw .tooManyRequests("You send more at once than this server reads at once.")
            }
            state.total += bytes
            state.shares[holder, default: 0] += bytes
        }
    }

    fileprivate func give(_ bytes: Int, of holder: String) {
        state.withLock { state in
            state.total -= bytes
            state.shares[holder, default: 0] -= bytes
            if state.shares[holder] == 0 { state.shares[holder] = nil }
        }
    }
}

/// What the body of one request takes of the memory for bodies, from when it is read until the request is forgotten.
final class BodyShare: Sendable {
    private let memory: BodyMemory
    private let holder: String
    private let taken = Mutex(0)

    /// - Parameter holder: Who is counted for it.
    init(of memory: BodyMemory, for holder: String) {
        self.memory = memory
        self.holder = holder
    }

    deinit {
        let bytes = taken.withLock(\.self)
        if bytes > 0 { memory.give(bytes, of: holder) }
    }

    /// Takes as much as is missing to that many bytes, or gives back what is more.
    ///
    /// - Throws: As ``take(_:)``.
    func hold(_ bytes: Int) throws(CouchError) {
        let more = bytes - taken.withLock(\.self)
        guard more < 0 else { return try take(more) }
        memory.give(-more, of: holder)
        taken.withLock { $0 += more }
    }

    /// - Throws: 503 when there is no room, 429 when the caller has as much as one may have.
    func take(_ bytes: Int) throws(CouchError) {
        try memory.take(bytes, for: holder)
        taken.withLock { $0 += bytes }
    }
}
