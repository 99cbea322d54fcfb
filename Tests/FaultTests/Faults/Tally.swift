import Synchronization

/// What was really done of what a plan says: a fault may find nobody to befall.
final class Tally: Sendable {
    /// What is counted, in the words of the report.
    enum Deed: String, Hashable, Sendable, CaseIterable {
        case kills = "processes killed"
        case freezes = "processes frozen"
        case killedHosts = "script hosts killed"
        case frozenHosts = "script hosts frozen"
        case ends = "servers ended"
        case wipes = "brokers wiped"
        case alarms = "alarms raised"
        case cuts = "connections cut"
        case ways = "ways spoilt"
        case copies = "copies of messages sent"
    }

    private let counts = Mutex<[Deed: Int]>([:])

    func add(_ deed: Deed, _ count: Int = 1) {
        counts.withLock { $0[deed, default: 0] += count }
    }

    func count(of deed: Deed) -> Int {
        counts.withLock { $0[deed, default: 0] }
    }

    var description: String {
        Deed.allCases.map { "\(count(of: $0)) \($0.rawValue)" }.joined(separator: ", ")
    }
}
