import TestSupport
import Testing

@testable import ReplicationEndpoint

/// Guessing passwords, in a time that tests make.
@Suite struct GuessThrottleTests {
    private typealias Guesser = GuessThrottle.Guesser

    /// A throttle with its clock and its dice.
    private struct World {
        var throttle = GuessThrottle()
        var now = ContinuousClock.now
        var dice = SeededGenerator(seed: 7)

        /// Tries, and says by what it was refused; nil when it could try.
        mutating func attempt(
            _ user: String,
            from address: UInt8,
            _ outcome: GuessThrottle.Outcome
        ) -> GuessThrottle.Refusal? {
            let guesser = Guesser(user: user, address: [10, 0, 0, address])
            do throws(GuessThrottle.Refusal) {
                try throttle.begin(guesser, at: now)
            } catch {
                return error
            }
            throttle.finish(guesser, outcome, at: now, using: &dice)
            return nil
        }
    }

    @Test func `five wrong guesses are free, and then each closes the way for longer`() throws {
        var world = World()
        for _ in 0..<5 { #expect(world.attempt("u", from: 1, .wrong) == nil) }
        var waits: [Duration] = []
        for _ in 0..<12 {
            let attempt = world.attempt("u", from: 1, .wrong)
            let refusal = try #require(attempt)
            #expect(refusal.scope == .userAtAddress)
            // What is refused is no guess: it makes nothing longer.
            #expect(world.attempt("u", from: 1, .wrong) == refusal)
            waits.append(refusal.wait)
            world.now += refusal.wait
            #expect(world.attempt("u", from: 1, .wrong) == nil)
        }
        #expect(waits[0] >= .milliseconds(750) && waits[0] <= .milliseconds(1_250))
        #expect(zip(waits, waits.dropFirst()).allSatisfy { $1 > $0 || $1 > .seconds(200) })
        #expect(waits.allSatisfy { $0 <= .seconds(375) })
        #expect(waits[11] >= .seconds(225))
    }

    @Test func `the right password is no help while the way is closed, and clears the past when it is open`() throws {
        var world = World()
        for _ in 0..<5 { #expect(world.attempt("u", from: 1, .wrong) == nil) }
        let attempt = world.attempt("u", from: 1, .right)
        let refusal = try #require(attempt)
        world.now += refusal.wait
        #expect(world.attempt("u", from: 1, .right) == nil)
        for _ in 0..<5 { #expect(world.attempt("u", from: 1, .wrong) == nil) }
        #expect(world.attempt("u", from: 1, .right) != nil)
    }

    @Test func `others' guesses from elsewhere close nobody's way for long, and not at all where the user is known`() {
        var world = World()
        #expect(world.attempt("u", from: 1, .right) == nil)
        var refused = 0
        for round in 0..<400 {
            let refusal = world.attempt("u", from: UInt8(10 + round % 200), .wrong)
            if let refusal {
                refused += 1
                #expect(refusal.scope == .user)
                #expect(refusal.wait <= .milliseconds(6_250))
            }
            world.now += .milliseconds(100)
        }
        #expect(refused > 200)
        #expect(world.attempt("u", from: 1, .right) == nil)
        // From a new address it is a matter of seconds.
        if let refusal = world.attempt("u", from: 2, .right) { world.now += refusal.wait }
        #expect(world.attempt("u", from: 2, .right) == nil)
    }

    @Test func `one address that tries many users is closed, for users that it has not been right about`() throws {
        var world = World()
        #expect(world.attempt("known", from: 1, .right) == nil)
        for user in 0..<50 { #expect(world.attempt("u\(user)", from: 1, .wrong) == nil) }
        let attempt = world.attempt("fresh", from: 1, .right)
        let refusal = try #require(attempt)
        #expect(refusal.scope == .address)
        #expect(world.attempt("known", from: 1, .right) == nil)
        #expect(world.attempt("fresh", from: 2, .right) == nil)
        world.now += refusal.wait
        #expect(world.attempt("fresh", from: 1, .right) == nil)
    }

    @Test func `guesses at once are counted before they are decided`() throws {
        var world = World()
        let guesser = Guesser(user: "u", address: [1])
        for _ in 0..<5 { try world.throttle.begin(guesser, at: world.now) }
        #expect(throws: GuessThrottle.Refusal.self) { try world.throttle.begin(guesser, at: world.now) }
        for _ in 0..<5 { world.throttle.finish(guesser, .unknown, at: world.now, using: &world.dice) }
        // Nobody found out whether they were right: they count for nothing.
        for _ in 0..<5 { try world.throttle.begin(guesser, at: world.now) }
    }

    @Test func `many users who log in at once from one address are let in`() throws {
        var world = World()
        for user in 0..<5_000 { try world.throttle.begin(Guesser(user: "u\(user)", address: [1]), at: world.now) }
        for user in 0..<5_000 {
            world.throttle.finish(
                Guesser(user: "u\(user)", address: [1]),
                .right,
                at: world.now,
                using: &world.dice
            )
        }
        #expect(world.attempt("one more", from: 1, .right) == nil)
    }

    @Test func `what lies back is forgotten`() {
        var world = World()
        for _ in 0..<4 { #expect(world.attempt("u", from: 1, .wrong) == nil) }
        world.now += .seconds(301)
        for _ in 0..<5 { #expect(world.attempt("u", from: 1, .wrong) == nil) }
        #expect(world.attempt("u", from: 1, .wrong) != nil)
    }

    @Test func `memory is bounded, whatever names and addresses come`() {
        var rules = GuessThrottle.Rules()
        rules.capacity = 100
        rules.address.free = .max
        var world = World(throttle: GuessThrottle(rules: rules))
        for round in 0..<5_000 {
            _ = world.attempt("u\(round)", from: UInt8(round % 250), round % 3 == 0 ? .right : .wrong)
            world.now += .milliseconds(1)
        }
        #expect(world.throttle.count <= 300)
        // And what is fresh is still known.
        for _ in 0..<5 { #expect(world.attempt("fresh", from: 251, .wrong) == nil) }
        #expect(world.attempt("fresh", from: 251, .wrong) != nil)
    }

    /// Against a model that knows nothing but the promise: no more guesses pass than the waits allow.
    @Test(arguments: UInt64(0)..<20)
    func `however guesses come, few of them pass`(seed: UInt64) {
        var world = World(dice: SeededGenerator(seed: seed))
        var choice = SeededGenerator(seed: seed + 1_000)
        let begin = world.now
        var passed = 0
        while begin.duration(to: world.now) < .seconds(3_600) {
            if world.attempt("u", from: 1, .wrong) == nil { passed += 1 }
            world.now += .milliseconds(Int.random(in: 1...20_000, using: &choice))
        }
        // Five, then ever rarer up to one in 225 seconds; a pause of five minutes after a wait begins anew.
        #expect(passed >= 5)
        #expect(passed <= 5 + 9 + 3_600 / 225 + 1)
    }
}
