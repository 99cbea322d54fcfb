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

    /// The processes of which two run, so that another one takes over.
    static let doubled = ["change-listener", "scheduler", "back-end-connector"]
    /// Those that ask script hosts in the tests' traffic.
    private static let scripting = ["change-listener", "second-change-listener", "sequence-worker"]
    private static let services =
        ["replication-endpoint", "sequence-worker", "sequence-worker-2", "demo-erp"] + doubled
        + doubled.map { "second-\($0)" }

    init(seed: UInt64, seconds: Int) {
        self.seed = seed
        self.seconds = seconds
        var random = SeededGenerator(seed: seed)
        var events: [Event] = []
        var second = 1
        while second < seconds {
            events.append(Event(second: second, fault: Self.fault(&random)))
            // Now and then two at once, now and then a while of peace.
            second += [0, 1, 2, 3, 4, 6].randomElement(using: &random) ?? 3
        }
        self.events = events
    }

    private static func fault(_ random: inout SeededGenerator) -> Fault {
        let service = services.randomElement(using: &random) ?? "sequence-worker"
        switch Int.random(in: 0..<100, using: &random) {
        case 0..<34: return .kill(service)
        case 34..<38: return .killScriptHosts(of: scripting.randomElement(using: &random) ?? "change-listener")
        case 38..<40: return .freezeScriptHosts(of: scripting.randomElement(using: &random) ?? "change-listener")
        // Some freezes are longer than any lease lasts.
        case 40..<62: return .freeze(service, seconds: [1, 3, 7, 16].randomElement(using: &random) ?? 3)
        case 62..<68: return .crash(.postgres)
        case 68..<72: return .restart(.postgres)
        case 72..<76: return .crash(.rabbitmq)
        case 76..<79: return .restart(.rabbitmq)
        case 79..<83: return .wipeBroker
        default:
            let mode = BackEndProxy.Mode.faulty.randomElement(using: &random) ?? .refuses
            return .backEnd(mode, seconds: Int.random(in: 2...10, using: &random))
        }
    }

    var description: String {
        let lines = events.map { "  \($0.second) s: \($0.fault)" }
        return "FULLSYNC_FAULT_SEED=\(seed), \(seconds) s of faults:\n" + lines.joined(separator: "\n")
    }
}
