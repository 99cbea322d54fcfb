import Contracts
import CouchProtocol
import DocumentStore
import Logging
import Messaging
import Testing

@testable import ReplicationEndpoint

/// Who is woken by which change; no test waits for the clock, so one that fails is ended by its time limit.
@Suite(.timeLimit(.minutes(10))) struct FeedWakeUpsTests {
    private let wakeUps: FeedWakeUps
    private let long = Duration.seconds(3_600)

    init() throws {
        let logger = Logger(label: "tests")
        // Never run: the changes are handed over here.
        let broker = MessageBroker(
            try MessagingConfiguration(url: "amqp://127.0.0.1:1"),
            topology: Topology(),
            logger: logger
        )
        wakeUps = FeedWakeUps(FeedWakeUps.Subscription(), broker: broker, logger: logger)
    }

    private func change(_ database: String = "d", owner: String? = nil, groups: [String] = []) -> ChangeEvent {
        ChangeEvent(
            database: database,
            incarnation: "i",
            seq: 1,
            id: "x",
            rev: "1-a",
            deleted: false,
            owner: owner,
            groups: groups,
            origin: .device
        )
    }

    /// Waits as a feed does that has just looked.
    private func wait(_ feed: LiveFeed, atMost duration: Duration) async {
        await feed.wait(until: .now + duration, forChanges: true)
    }

    @Test func `a change between the look and the wait is not missed`() async {
        let feed = wakeUps.enter("d", feeds: [.owner("ada")])
        feed.beginLook()
        wakeUps.wake(change(owner: "ada"))
        await wait(feed, atMost: long)
        #expect(feed.isChanged)
        // Waiting does not use it up, only looking does.
        await wait(feed, atMost: long)
        feed.beginLook()
        #expect(!feed.isChanged)
        wakeUps.leave(feed)
    }

    @Test func `a change that took from more feeds than a header names wakes all of the database`() async throws {
        let mine = wakeUps.enter("d", feeds: [.group("far-away")])
        let others = wakeUps.enter("e", feeds: [.group("far-away")])
        for feed in [mine, others] { feed.beginLook() }
        wakeUps.wake(change(owner: "ada"), bereft: FeedWakeUps.bereft(.string(#"["*"]"#)))
        await wait(mine, atMost: long)
        #expect(mine.isChanged && !others.isChanged)
        for feed in [mine, others] { wakeUps.leave(feed) }
    }

    @Test func `a change wakes those whose feeds it is in, and nobody else`() async {
        let cases: [(feeds: Set<Feed>?, mine: ChangeEvent, others: [ChangeEvent])] = [
            ([.owner("ada")], change(owner: "ada"), [change(owner: "bob"), change(), change(groups: ["ada"])]),
            ([.group("g")], change(owner: "bob", groups: ["f", "g"]), [change(owner: "g"), change(groups: ["f"])]),
            ([.everybody], change(), [change(owner: "ada"), change(groups: ["g"]), change("other")]),
            (nil, change(owner: "ada"), [change("other")]),
        ]
        for (feeds, mine, others) in cases {
            let feed = wakeUps.enter("d", feeds: feeds)
            for other in others { wakeUps.wake(other) }
            #expect(!feed.isChanged)
            // Only its time ends the wait, not what came before it.
            let began = ContinuousClock.now
            await wait(feed, atMost: .milliseconds(20))
            #expect(ContinuousClock.now - began >= .milliseconds(20))
            let waiting = Task { await wait(feed, atMost: long) }
            wakeUps.wake(mine)
            await waiting.value
            #expect(feed.isChanged)
            wakeUps.leave(feed)
        }
    }

    @Test func `a feed that has moved is woken for what it is in now`() {
        let feed = wakeUps.enter("d", feeds: [.owner("ada"), .group("old")])
        wakeUps.move(feed, to: [.owner("ada"), .group("new")])
        wakeUps.wake(change(groups: ["old"]))
        #expect(!feed.isChanged)
        wakeUps.wake(change(groups: ["new"]))
        #expect(feed.isChanged)
        wakeUps.leave(feed)
        #expect(wakeUps.all.isEmpty)
    }

    @Test func `a feed about some documents is not woken for others`() {
        let mine = wakeUps.enter("d", feeds: nil, documents: [DocumentID(stored: "x")])
        let others = wakeUps.enter("d", feeds: [.everybody], documents: [DocumentID(stored: "y")])
        wakeUps.wake(change())
        #expect(mine.isChanged)
        #expect(!others.isChanged)
        wakeUps.leave(mine)
        wakeUps.leave(others)
    }

    @Test func `while a page is read, changes do not end the wait for it`() async {
        let feed = wakeUps.enter("d", feeds: nil)
        wakeUps.wake(change())
        let began = ContinuousClock.now
        await feed.wait(until: began + .milliseconds(50), forChanges: false)
        #expect(ContinuousClock.now - began >= .milliseconds(50))
        #expect(feed.isChanged)
        feed.signal(.notice)
        await feed.wait(until: nil, forChanges: false)
    }

    @Test func `a client that hung up, or rights that changed, end a wait`() async {
        let feed = wakeUps.enter("d", feeds: nil)
        let waiting = Task { await feed.wait(until: nil, forChanges: true) }
        wakeUps.wakeAll()
        await waiting.value
        #expect(!feed.isChanged && !feed.isGone)
        feed.signal(.hangUp)
        for _ in 0..<3 { await feed.wait(until: nil, forChanges: true) }
        #expect(feed.isGone)
    }

    @Test func `rights that change while a page is waited for are asked for before the next wait`() async {
        let feed = wakeUps.enter("d", feeds: nil)
        #expect(feed.mustCheck, "who was let in before it was known here has not heard of changes since")
        feed.beginCheck()
        wakeUps.wakeAll()
        await feed.wait(until: nil, forChanges: false)
        #expect(feed.mustCheck)
        feed.beginCheck()
        feed.signal(.notice)
        #expect(!feed.mustCheck)
        wakeUps.leave(feed)
    }

    @Test func `a cancelled wait ends, however early`() async {
        let feed = wakeUps.enter("d", feeds: nil)
        for _ in 0..<200 {
            let waiting = Task { await wait(feed, atMost: long) }
            waiting.cancel()
            await waiting.value
        }
    }

    @Test func `a wait whose time is over at once ends`() async {
        let feed = wakeUps.enter("d", feeds: nil)
        for _ in 0..<1_000 { await wait(feed, atMost: .zero) }
    }

    @Test func `waits end in time, however many there are and however often they are begun anew`() async {
        let feeds = (0..<500).map { _ in wakeUps.enter("d", feeds: [.everybody]) }
        await withTaskGroup(of: Void.self) { group in
            for (index, feed) in feeds.enumerated() {
                group.addTask {
                    // An earlier time that was not needed, one that is, and one that nobody waits for.
                    feed.signal(.notice)
                    await feed.wait(until: .now + .milliseconds(10), forChanges: false)
                    let end = ContinuousClock.now + .milliseconds(30 + index % 7 * 20)
                    await feed.wait(until: end, forChanges: false)
                    if ContinuousClock.now < end { Issue.record("before its time") }
                }
            }
        }
        for feed in feeds { wakeUps.leave(feed) }
    }

    @Test func `whoever has left is not woken`() {
        let feed = wakeUps.enter("d", feeds: [.everybody])
        wakeUps.leave(feed)
        wakeUps.wake(change())
        #expect(!feed.isChanged)
    }
}
