import Contracts
import DocumentStore
import Logging
import Messaging
import Testing

@testable import ReplicationEndpoint

/// Who is woken by which change; no test waits for the clock, so one that fails is ended by its time limit.
@Suite(.timeLimit(.minutes(1))) struct FeedWakeUpsTests {
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

    @Test func `a change between the look and the wait is not missed`() async {
        let sleeper = wakeUps.enter("d", feeds: [.owner("ada")])
        wakeUps.wake(change(owner: "ada"))
        await wakeUps.wait(sleeper, atMost: long)
        wakeUps.leave(sleeper)
    }

    @Test func `a change wakes those whose feeds it is in, and nobody else`() async {
        let cases: [(feeds: Set<Feed>?, mine: ChangeEvent, others: [ChangeEvent])] = [
            ([.owner("ada")], change(owner: "ada"), [change(owner: "bob"), change(), change(groups: ["ada"])]),
            ([.group("g")], change(owner: "bob", groups: ["f", "g"]), [change(owner: "g"), change(groups: ["f"])]),
            ([.everybody], change(), [change(owner: "ada"), change(groups: ["g"]), change("other")]),
            (nil, change(owner: "ada"), [change("other")]),
        ]
        for (feeds, mine, others) in cases {
            let sleeper = wakeUps.enter("d", feeds: feeds)
            for other in others { wakeUps.wake(other) }
            // Only its time ends the wait, not what came before it.
            let began = ContinuousClock.now
            await wakeUps.wait(sleeper, atMost: .milliseconds(20))
            #expect(ContinuousClock.now - began >= .milliseconds(20))
            let waiting = Task { await wakeUps.wait(sleeper, atMost: long) }
            wakeUps.wake(mine)
            await waiting.value
            wakeUps.leave(sleeper)
        }
    }

    @Test func `a cancelled wait ends, however early`() async {
        let sleeper = wakeUps.enter("d", feeds: nil)
        for _ in 0..<200 {
            let waiting = Task { await wakeUps.wait(sleeper, atMost: long) }
            waiting.cancel()
            await waiting.value
        }
    }

    @Test func `a wait whose time is over at once ends`() async {
        let sleeper = wakeUps.enter("d", feeds: nil)
        for _ in 0..<1_000 { await wakeUps.wait(sleeper, atMost: .zero) }
    }

    @Test func `whoever has left is not woken, and waits no more`() async {
        let sleeper = wakeUps.enter("d", feeds: [.everybody])
        wakeUps.leave(sleeper)
        wakeUps.wake(change())
        await wakeUps.wait(sleeper, atMost: long)
    }
}
