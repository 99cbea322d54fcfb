import Synchronization
import TestSupport
import Testing

@testable import ChangeListener

/// What is started while something else takes its time to end.
@Suite(.timeLimit(.minutes(10))) struct FollowerTasksTests {
    /// Followers that tell what they do, of which some end at a sign only.
    private final class Scene: Sendable {
        let tasks = FollowerTasks()
        let events = AsyncStream<String>.makeStream()
        let sign = AsyncStream<Never>.makeStream()
        let begun = Mutex<[String]>([])

        func key(_ name: String, version: Int = 0) -> FollowerTasks.Key {
            FollowerTasks.Key(name: name, database: "d", version: version)
        }

        /// One that ends when it is cancelled, and tells of its beginning.
        func prompt(_ label: String) -> FollowerTasks.Body {
            { [self] in
                events.continuation.yield("\(label) begins")
                begun.withLock { $0.append(label) }
                for await _ in AsyncStream<Never>.makeStream().stream {}
            }
        }

        /// One that has something to end when it is cancelled.
        func slow(_ label: String) -> FollowerTasks.Body {
            { [events, sign] in
                events.continuation.yield("\(label) begins")
                for await _ in AsyncStream<Never>.makeStream().stream {}
                events.continuation.yield("\(label) is cancelled")
                // Not in this task, which does not wait any more.
                await Task { for await _ in sign.stream {} }.value
                events.continuation.yield("\(label) ends")
            }
        }
    }

    @Test func `one that takes its time to end keeps no other from being started`() async throws {
        let scene = Scene()
        var events = scene.events.stream.makeAsyncIterator()
        await scene.tasks.run([scene.key("a"): scene.slow("a")])
        #expect(await events.next() == "a begins")
        await scene.tasks.run([scene.key("b"): scene.prompt("b")])
        let next = [await events.next(), await events.next()].compactMap(\.self)
        #expect(next.sorted() == ["a is cancelled", "b begins"])
        scene.sign.continuation.finish()
        #expect(await events.next() == "a ends")
        await scene.tasks.end()
    }

    @Test func `a follower is not started anew before it has ended, in another version neither`() async throws {
        let scene = Scene()
        var events = scene.events.stream.makeAsyncIterator()
        await scene.tasks.run([scene.key("a", version: 1): scene.slow("a")])
        #expect(await events.next() == "a begins")
        for version in [2, 1, 2] {
            await scene.tasks.run([scene.key("a", version: version): scene.prompt("another a")])
        }
        #expect(await events.next() == "a is cancelled")
        let other = [scene.key("a", version: 2): scene.prompt("another a"), scene.key("b"): scene.prompt("b")]
        await scene.tasks.run(other)
        #expect(await events.next() == "b begins", "and no other a")
        scene.sign.continuation.finish()
        #expect(await events.next() == "a ends")
        try await eventually("the other version is started") {
            await scene.tasks.run(other)
            return scene.begun.withLock { $0.contains("another a") }
        }
        #expect(await events.next() == "another a begins")
        await scene.tasks.end()
    }

    @Test func `the end waits for all of them`() async throws {
        let scene = Scene()
        var events = scene.events.stream.makeAsyncIterator()
        await scene.tasks.run([scene.key("a"): scene.slow("a")])
        #expect(await events.next() == "a begins")
        let end = Task {
            await scene.tasks.end()
            scene.events.continuation.yield("all have ended")
        }
        #expect(await events.next() == "a is cancelled")
        scene.sign.continuation.finish()
        #expect(await events.next() == "a ends")
        #expect(await events.next() == "all have ended")
        await end.value
    }
}
