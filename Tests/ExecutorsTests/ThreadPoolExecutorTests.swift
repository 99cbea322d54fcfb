import Dispatch
import Executors
import Synchronization
import Testing

@Suite struct ThreadPoolExecutorTests {
    private struct Failure: Error {}

    /// How many pieces of work run.
    private final class Running: Sendable {
        private let counts = Mutex((now: 0, most: 0))

        var now: Int { counts.withLock { $0.now } }
        var most: Int { counts.withLock { $0.most } }

        func change(by step: Int) {
            counts.withLock { counts in
                counts.now += step
                counts.most = max(counts.most, counts.now)
            }
        }
    }

    @Test func `work gives back its value or its error`() async throws {
        let pool = ThreadPoolExecutor(name: "pool", maximumThreads: 2)
        #expect(await pool.run { 6 * 7 } == 42)
        let fail: @Sendable () throws(Failure) -> Int = { () throws(Failure) -> Int in throw Failure() }
        await #expect(throws: Failure.self) { try await pool.run(fail) }
        pool.shutdown()
    }

    @Test func `as many run at once as there are threads, and blocked ones hold up nobody else`() async {
        let pool = ThreadPoolExecutor(name: "pool", maximumThreads: 3)
        let started = DispatchSemaphore(value: 0)
        let release = DispatchSemaphore(value: 0)
        let running = Running()
        await withTaskGroup { group in
            for _ in 0..<9 {
                group.addTask {
                    await pool.run {
                        running.change(by: 1)
                        started.signal()
                        release.wait()
                        running.change(by: -1)
                    }
                }
            }
            group.addTask {
                // A second pool waits for the first one's three; the cooperative pool waits for neither.
                await ThreadPoolExecutor(name: "other", maximumThreads: 1).run {
                    for _ in 0..<3 { started.wait() }
                    for _ in 0..<9 { release.signal() }
                }
            }
        }
        #expect(running.most == 3)
        #expect(running.now == 0)
        pool.shutdown()
    }

    @Test func `thousands of pieces of work all run`() async {
        let pool = ThreadPoolExecutor(name: "pool", maximumThreads: 4)
        let sum = await withTaskGroup(of: Int.self) { group in
            for number in 0..<5000 { group.addTask { await pool.run { number } } }
            return await group.reduce(0, +)
        }
        #expect(sum == 4999 * 5000 / 2)
        pool.shutdown()
    }
}
