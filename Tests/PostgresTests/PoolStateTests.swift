import TestSupport
import Testing

@testable import Postgres

@Suite struct PoolStateTests {
    /// Plays random users of a pool against a simple model of it: who holds a connection, who connects, who waits.
    @Test func `no connection is lost, lent twice, or kept from somebody who waits`() {
        var random = SeededGenerator.announced()
        for _ in 0..<200 {
            let capacity = Int.random(in: 1...4, using: &random)
            var pool = PoolState<Int, UInt64>(capacity: capacity, maximumWaiters: 5)
            var model = Model()
            for _ in 0..<200 {
                model.step(&pool, Int.random(in: 0..<6, using: &random), &random)
                #expect(model.held.count + model.connecting + pool.idle.count == pool.open)
                #expect(pool.open <= capacity)
                #expect(pool.waiting == model.waiting.count)
                #expect(pool.idle.isEmpty || pool.waiting == 0, "a connection is free while somebody waits")
                #expect(pool.open == capacity || pool.waiting == 0, "a place is free while somebody waits")
                let known = Set(model.held).union(pool.idle.map(\.connection))
                #expect(known.count == model.held.count + pool.idle.count, "a connection is in two places")
            }
        }
    }

    private struct Model {
        var held: [Int] = []
        var connecting = 0
        var waiting: [UInt64] = []
        var made = 0

        mutating func step(_ pool: inout PoolState<Int, UInt64>, _ action: Int, _ random: inout SeededGenerator) {
            switch action {
            case 0, 1: acquire(&pool)
            case 2 where !held.isEmpty:
                let connection = held.remove(at: .random(in: held.indices, using: &random))
                take(pool.release(connection, at: .now))
            case 3 where !held.isEmpty:
                held.remove(at: .random(in: held.indices, using: &random))
                take(pool.vacate())
            case 4 where connecting > 0:
                connecting -= 1
                if Bool.random(using: &random) {
                    made += 1
                    held.append(made)
                } else {
                    take(pool.vacate())
                }
            case 5 where !waiting.isEmpty:
                let id = waiting.remove(at: .random(in: waiting.indices, using: &random))
                #expect(pool.remove(id) == id)
                #expect(pool.remove(id) == nil)
            default: break
            }
        }

        private mutating func acquire(_ pool: inout PoolState<Int, UInt64>) {
            switch pool.acquire() {
            case .use(let connection): held.append(connection)
            case .connect: connecting += 1
            case .wait(let id):
                waiting.append(id)
                take(pool.enqueue(id, id: id))
            case .refuse: #expect(waiting.count == 5)
            case .closed: Issue.record("nobody closed it")
            }
        }

        private mutating func take(_ handover: PoolState<Int, UInt64>.Handover) {
            guard case .give(let id, let connection) = handover else { return }
            #expect(waiting.first == id, "somebody was overtaken")
            waiting.removeAll { $0 == id }
            if let connection { held.append(connection) } else { connecting += 1 }
        }
    }

    @Test func `what has been free for long is taken out, the longest first`() {
        var pool = PoolState<Int, UInt64>(capacity: 3, maximumWaiters: 0)
        let start = ContinuousClock.now
        for _ in 0..<3 { _ = pool.acquire() }
        for number in 0..<3 { _ = pool.release(number, at: start + .seconds(number)) }
        #expect(pool.expire(before: start + .seconds(2)) == [0, 1])
        #expect(pool.open == 1)
    }

    @Test func `a closed pool lends nothing and keeps nothing`() {
        var pool = PoolState<Int, UInt64>(capacity: 2, maximumWaiters: 1)
        _ = pool.acquire()
        _ = pool.acquire()
        guard case .wait(let id) = pool.acquire() else { return #expect(Bool(false)) }
        _ = pool.enqueue(id, id: id)
        _ = pool.release(1, at: .now)
        let rest = pool.close()
        #expect(rest.connections.isEmpty)
        #expect(rest.waiters.isEmpty)
        guard case .discard(2) = pool.release(2, at: .now), case .closed = pool.acquire() else {
            Issue.record("still open")
            return
        }
    }
}
