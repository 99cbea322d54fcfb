/// Decides who may try a password, from who has tried and failed.
///
/// Failures are counted three ways: by user and address, by address, and by user. A few are free; from then on each
/// failure closes the way for twice as long as the one before. The longest time is short for a user whom strangers
/// guess at from elsewhere, and it does not concern an address from which that user has logged in: nobody locks anybody
/// else out. What is not yet decided counts as a failure of that user at that address, so that many guesses at once are
/// no way around; many users who log in at once from one address do not stand in each other's way.
///
/// Pure: the time and the dice come from the caller.
struct GuessThrottle: Sendable {
    typealias Instant = ContinuousClock.Instant

    /// What failures are counted by.
    enum Scope: String, Sendable, CaseIterable {
        case userAtAddress = "user_at_address"
        case address
        case user
    }

    /// How many failures are free, and how long the way is closed then.
    struct Rule: Sendable {
        var free: Int
        var longest: Duration
    }

    struct Rules: Sendable {
        /// As CouchDB 3.5, which lets five guesses of a user from one address pass.
        var userAtAddress = Rule(free: 5, longest: .seconds(300))
        /// Many devices can be behind one address.
        var address = Rule(free: 50, longest: .seconds(60))
        var user = Rule(free: 100, longest: .seconds(5))
        /// How long the way is closed by the first failure that is not free.
        var shortest = Duration.seconds(1)
        /// After how long without a failure all is forgotten.
        var memory = Duration.seconds(300)
        /// How long an address from which a user has logged in stays known as that user's.
        var trust = Duration.seconds(86_400)
        /// The most entries of a scope.
        var capacity = 20_000

        subscript(scope: Scope) -> Rule {
            switch scope {
            case .userAtAddress: userAtAddress
            case .address: address
            case .user: user
            }
        }
    }

    /// One who tries.
    struct Guesser: Hashable, Sendable {
        let user: String
        let address: [UInt8]
    }

    /// The way is closed.
    struct Refusal: Error, Hashable, Sendable {
        let scope: Scope
        let wait: Duration
    }

    enum Outcome: Sendable {
        case right
        case wrong
        /// Nobody found out.
        case unknown
    }

    /// What an entry is found by: `Guesser` with what its scope does not look at left out.
    private typealias Key = Guesser

    private struct Entry {
        var failures = 0
        var underway = 0
        var closedUntil: Instant?
        var lastFailure: Instant?
        /// When the user last logged in from there.
        var lastSuccess: Instant?

        /// The entry without what lies so far back that it is forgotten.
        func refreshed(at now: Instant, _ rules: Rules) -> Entry {
            guard let last = lastFailure, max(last, closedUntil ?? last) + rules.memory < now else { return self }
            var entry = self
            entry.failures = 0
            entry.closedUntil = nil
            entry.lastFailure = nil
            return entry
        }
    }

    let rules: Rules
    private var entries: [Scope: [Key: Entry]] = [:]

    init(rules: Rules = Rules()) {
        self.rules = rules
    }

    /// How many entries there are in all.
    var count: Int { entries.values.reduce(0) { $0 + $1.count } }

    /// Refuses one for whom the way is closed; changes nothing.
    func check(_ guesser: Guesser, at now: Instant) throws(Refusal) {
        for scope in scopes(of: guesser, at: now) {
            guard let entry = entries[scope]?[Self.key(guesser, scope)] else { continue }
            if let until = entry.closedUntil, until > now {
                throw Refusal(scope: scope, wait: now.duration(to: until))
            }
        }
    }

    /// Lets one try; ``finish(_:_:at:using:)`` must follow.
    mutating func begin(_ guesser: Guesser, at now: Instant) throws(Refusal) {
        try check(guesser, at: now)
        let entry = (entries[.userAtAddress]?[guesser] ?? Entry()).refreshed(at: now, rules)
        // Once the free ones are used up there is one at a time.
        guard entry.underway == 0 || entry.failures + entry.underway < rules.userAtAddress.free else {
            throw Refusal(scope: .userAtAddress, wait: rules.shortest)
        }
        for scope in Scope.allCases {
            makeRoom(scope, at: now)
            change(guesser, scope) { [rules] entry in
                entry = entry.refreshed(at: now, rules)
                entry.underway += 1
            }
        }
    }

    /// Says how a try ended that ``begin(_:at:)`` let happen.
    mutating func finish(
        _ guesser: Guesser,
        _ outcome: Outcome,
        at now: Instant,
        using dice: inout some RandomNumberGenerator
    ) {
        for scope in Scope.allCases {
            let jitter = Double.random(in: 0.75...1.25, using: &dice)
            change(guesser, scope) { [rules] entry in
                entry.underway = max(0, entry.underway - 1)
                switch outcome {
                case .unknown: break
                case .right:
                    guard scope == .userAtAddress else { break }
                    entry.failures = 0
                    entry.closedUntil = nil
                    entry.lastSuccess = now
                case .wrong:
                    entry.failures += 1
                    entry.lastFailure = now
                    let rule = rules[scope]
                    guard entry.failures >= rule.free else { break }
                    let doublings = min(entry.failures - rule.free, 30)
                    entry.closedUntil = now + min(rules.shortest * (1 << doublings), rule.longest) * jitter
                }
            }
        }
    }

    // MARK: -

    /// The scopes that may close the way for this one.
    private func scopes(of guesser: Guesser, at now: Instant) -> [Scope] {
        let entry = entries[.userAtAddress]?[Self.key(guesser, .userAtAddress)]
        let isKnown = entry?.lastSuccess.map { $0 + rules.trust > now } ?? false
        return isKnown ? [.userAtAddress] : Scope.allCases
    }

    private mutating func change(_ guesser: Guesser, _ scope: Scope, _ body: (inout Entry) -> Void) {
        body(&entries[scope, default: [:]][Self.key(guesser, scope), default: Entry()])
    }

    private static func key(_ guesser: Guesser, _ scope: Scope) -> Key {
        switch scope {
        case .userAtAddress: guesser
        case .address: Guesser(user: "", address: guesser.address)
        case .user: Guesser(user: guesser.user, address: [])
        }
    }

    /// Drops what says nothing any more, and what is oldest when that is not enough.
    private mutating func makeRoom(_ scope: Scope, at now: Instant) {
        guard let all = entries[scope], all.count >= rules.capacity else { return }
        var kept = all.filter { _, entry in
            let isTrusted = entry.lastSuccess.map { $0 + rules.trust > now } ?? false
            return entry.underway > 0 || entry.refreshed(at: now, rules).failures > 0 || isTrusted
        }
        if kept.count > rules.capacity * 9 / 10 {
            let byAge = kept.filter { $0.value.underway == 0 }.sorted { Self.age($0.value, $1.value) }
            for (key, _) in byAge.prefix(max(1, rules.capacity / 10)) { kept[key] = nil }
        }
        entries[scope] = kept
    }

    private static func age(_ lhs: Entry, _ rhs: Entry) -> Bool {
        guard let left = [lhs.lastFailure, lhs.lastSuccess].compactMap(\.self).max() else { return true }
        guard let right = [rhs.lastFailure, rhs.lastSuccess].compactMap(\.self).max() else { return false }
        return left < right
    }
}
