package import Contracts
package import Foundation
import Logging
import Synchronization

/// PostgreSQL's clock, as this process knows it: the one that all services have in common, whatever those of their
/// machines say.
///
/// It is asked once a second, and carried on by this process's steady clock between two questions. While PostgreSQL
/// does not answer it goes on.
package final class DatabaseClock: Sendable {
    /// Asks PostgreSQL what time it is.
    package typealias Question = @Sendable () async throws -> Date

    private static let period = Duration.seconds(1)

    private let ask: Question
    private let reading: Mutex<ClockReading>

    /// A clock that has been read once.
    package convenience init(_ control: ControlStore) async throws {
        try await self.init { try await control.now() }
    }

    /// A clock that is read by that question, and has been once.
    package init(_ ask: @escaping Question) async throws {
        self.ask = ask
        reading = Mutex(try await ClockReading(ask))
    }

    /// Keeps in step until the task is cancelled.
    package func run() async {
        while !Task.isCancelled {
            try? await Task.sleep(for: Self.period)
            try? await look()
        }
    }

    /// Reads the clock now.
    package func look() async throws {
        let new = try await ClockReading(ask)
        reading.withLock { $0 = $0.better(new) }
    }

    /// What PostgreSQL's clock says now, in milliseconds since 1970.
    package var now: Int { reading.withLock { $0.milliseconds(at: .now) } }

    /// When a call is over that is waited for so long from now on.
    package func deadline(in timeout: Duration) -> CallDeadline {
        let milliseconds = Int(timeout / .milliseconds(1))
        return CallDeadline(byDatabase: now + milliseconds, byCaller: Self.machine + milliseconds)
    }

    /// How long a call is still waited for; nil when it is not any more.
    package func timeLeft(to deadline: CallDeadline) -> Duration? {
        deadline.timeLeft(database: now, machine: Self.machine)
    }

    /// What this machine's clock says, in milliseconds since 1970.
    private static var machine: Int { Int(Date().timeIntervalSince1970 * 1_000) }
}

/// What a clock elsewhere said, between two moments of the steady clock here.
struct ClockReading: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// In seconds since 1970.
    let time: Double
    let asked: Instant
    let answered: Instant

    /// How far two clocks may drift apart in a second, in seconds: twice as far as a clock is ever slewed.
    private static let drift = 0.001

    init(time: Double, asked: Instant, answered: Instant) {
        self.time = time
        self.asked = asked
        self.answered = answered
    }

    /// Asks for one.
    init(_ ask: DatabaseClock.Question) async throws {
        let asked = Instant.now
        let date = try await ask()
        self.init(time: date.timeIntervalSince1970, asked: asked, answered: .now)
    }

    /// What the clock says at another moment, in milliseconds since 1970; wrong by half the time that its answer took
    /// at most.
    func milliseconds(at instant: Instant) -> Int {
        let middle = asked + (answered - asked) / 2
        return Int(time * 1_000 + (instant - middle) / .milliseconds(1))
    }

    /// How long its answer took, in seconds.
    private var wait: Double { (answered - asked) / .seconds(1) }

    /// The reading to go by when there is a new one: the more exact of both by now, unless the clock was set meanwhile,
    /// so that both cannot be right.
    func better(_ new: ClockReading) -> ClockReading {
        let least = (new.asked - answered) / .seconds(1)
        let most = (new.answered - asked) / .seconds(1)
        let drift = most * Self.drift
        let agrees = (least - drift...most + drift).contains(new.time - time)
        return agrees && wait + drift < new.wait ? self : new
    }
}
