import Dispatch
import Executors
import Foundation
import Testing

@Suite struct ThreadExecutorTests {
    /// The thread that something ran on.
    private struct Place: Equatable {
        let thread = ObjectIdentifier(Thread.current)
        let name = Thread.current.name
    }

    /// An actor on a thread of its own.
    private actor Owner {
        nonisolated let executor: ThreadExecutor
        private(set) var calls = 0

        init(_ executor: ThreadExecutor) {
            self.executor = executor
        }

        nonisolated var unownedExecutor: UnownedSerialExecutor { executor.asUnownedSerialExecutor() }

        @discardableResult
        func call() -> Place {
            calls += 1
            return Place()
        }

        func block(until semaphore: DispatchSemaphore) { semaphore.wait() }
    }

    @Test func `an actor runs on one thread, which has the executor's name`() async {
        let executor = ThreadExecutor(name: "the thread")
        let owner = Owner(executor)
        let first = await owner.call()
        let second = await owner.call()
        #expect(first == second)
        #expect(first.name == "the thread")
        executor.shutdown()
    }

    @Test func `calls from many tasks are serial and none is lost`() async {
        let executor = ThreadExecutor(name: "serial")
        let owner = Owner(executor)
        await withTaskGroup { group in
            for _ in 0..<8 {
                group.addTask { for _ in 0..<1000 { await owner.call() } }
            }
        }
        #expect(await owner.calls == 8000)
        executor.shutdown()
    }

    @Test func `nonisolated code that prefers the executor runs on its thread`() async {
        let executor = ThreadExecutor(name: "preferred")
        let owner = Owner(executor)
        let actors = await owner.call()
        let preferred = await withTaskExecutorPreference(executor) { await Self.currentThread() }
        #expect(preferred == actors)
        executor.shutdown()
    }

    @concurrent private static func currentThread() async -> Place { Place() }

    @Test func `a job that comes after the shutdown still runs`() async {
        let executor = ThreadExecutor(name: "late")
        let owner = Owner(executor)
        await owner.call()
        executor.shutdown()
        for _ in 0..<10 { await owner.call() }
        #expect(await owner.calls == 11)
    }

    @Test func `what is queued at the shutdown is finished`() async {
        let executor = ThreadExecutor(name: "queued")
        let owner = Owner(executor)
        let gate = DispatchSemaphore(value: 0)
        async let blocked: Void = owner.block(until: gate)
        async let queued = owner.call()
        executor.shutdown()
        gate.signal()
        _ = await (blocked, queued)
        #expect(await owner.calls == 1)
    }
}
