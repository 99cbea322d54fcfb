import TestSupport

/// Which faults happen when; the same for the same seed and duration.
struct FaultPlan: Sendable, CustomStringConvertible {
    /// A fault, so many seconds after the start.
    struct Event: Hashable, Sendable {
        let second: Int
        let fault: Fault
    }

    let seed: UInt64
    let seconds: Int
    let events: [Event]

    /// The services of which two run, so that another one takes over.
    static let doubled = [
        "replication-endpoint", "change-listener", "sequence-worker", "scheduler", "back-end-connector",
    ]
    /// Those whose work passes to another one when they are silent.
    private static let leased = both(["change-listener", "sequence-worker", "scheduler"])
    /// Those that ask script hosts in the tests' traffic.
    private static let scripting = both(["change-listener", "sequence-worker"])
    private static let services = ["demo-erp"] + both(doubled)

    private static func both(_ names: [String]) -> [String] { names + names.map { "second-\($0)" } }

    /// The faults are dealt like cards, so that also a short run has many kinds of them.
    private enum Card: CaseIterable {
        case kill, killScriptHosts, freezeScriptHosts, freeze, outlast, crashPostgres, restartPostgres, crashBroker
        case restartBroker, wipeBroker, memoryAlarm, disconnect, backEnd, toBroker, toPostgres, meddle

        static let deck = allCases + [.kill, .kill, .kill, .freeze, .backEnd, .backEnd, .meddle, .meddle]
    }

    init(seed: UInt64, seconds: Int) {
        self.seed = seed
        self.seconds = seconds
        var random = SeededGenerator(seed: seed)
        var events: [Event] = []
        var deck: [Card] = []
        var second = 1
        while second < seconds {
            if deck.isEmpty { deck = Card.deck.shuffled(using: &random) }
            events.append(Event(second: second, fault: Self.fault(deck.removeLast(), &random)))
            // Now and then two at once, now and then a while of peace.
            second += [0, 1, 2, 2, 3, 4].randomElement(using: &random) ?? 2
        }
        self.events = events
    }

    private static func fault(_ card: Card, _ random: inout SeededGenerator) -> Fault {
        func one(_ names: [String]) -> String { names.randomElement(using: &random) ?? names[0] }
        func some(_ range: ClosedRange<Int>) -> Int { Int.random(in: range, using: &random) }
        func way(_ way: Fault.Way, _ modes: [SpoiltWay.Mode]) -> Fault {
            .way(way, modes.randomElement(using: &random) ?? modes[0], seconds: some(2...10))
        }
        switch card {
        case .kill: return .kill(one(services))
        case .killScriptHosts: return .killScriptHosts(of: one(scripting))
        case .freezeScriptHosts: return .freezeScriptHosts(of: one(scripting))
        case .freeze: return .freeze(one(services), seconds: [1, 3, 7].randomElement(using: &random) ?? 3)
        // Longer than any lease lasts.
        case .outlast: return .freeze(one(leased), seconds: 16)
        case .crashPostgres: return .crash(.postgres)
        case .restartPostgres: return .restart(.postgres)
        case .crashBroker: return .crash(.rabbitmq)
        case .restartBroker: return .restart(.rabbitmq)
        case .wipeBroker: return .wipeBroker
        case .memoryAlarm: return .memoryAlarm(seconds: some(2...10))
        case .disconnect: return .disconnect(one(doubled))
        case .backEnd: return way(.backEnd, [.refuses, .slow, .losesAnswers, .losesAnswers])
        case .toBroker: return way(.broker, [.refuses, .slow, .holds, .holds, .losesAnswers])
        case .toPostgres: return way(.postgres, [.refuses, .slow, .holds, .losesAnswers, .losesAnswers])
        case .meddle: return .meddle(Fault.Mail.allCases.randomElement(using: &random) ?? .runs, seconds: some(1...6))
        }
    }

    var description: String {
        let lines = events.map { "  \($0.second) s: \($0.fault)" }
        return "FULLSYNC_FAULT_SEED=\(seed), \(seconds) s of faults:\n" + lines.joined(separator: "\n")
    }
}
