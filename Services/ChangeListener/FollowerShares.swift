import ControlStore
import Projects

/// Which of the followers that several processes could run is whose.
///
/// Each process gives every follower a number for each process that could run it, and the highest wins (rendezvous
/// hashing). So all agree who know the same processes; one that comes takes its share from all others, and what was
/// that of one that goes is spread among those that stay.
struct FollowerShares: Sendable {
    /// The processes that could run something, by what it belongs to.
    typealias Members = [String: Set<String>]

    /// What publishers and the views of all databases belong to.
    static let everything = ""

    /// What the listeners of a project belong to: its version, so that who cannot read one leaves it to the others.
    static func group(of live: LiveProject) -> String { "\(live.project.name)/\(live.version)" }

    /// This process.
    let own: String
    let members: Members

    /// Whether a follower is this process's to run.
    func isOwn(_ follower: String, in database: String, of group: String) -> Bool {
        guard let members = members[group] else { return false }
        let rank = { (member: String) in (Self.weight(of: follower, in: database, for: member), member) }
        return members.max { rank($0) < rank($1) } == own
    }

    /// A number that every process computes alike: FNV-1a, whose last bits are then spread over all of them.
    private static func weight(of follower: String, in database: String, for member: String) -> UInt64 {
        var hash: UInt64 = 0xCBF2_9CE4_8422_2325
        for text in [member, follower, database] {
            // No UTF-8 has that byte, so it keeps the texts apart.
            for byte in text.utf8 + [0xFF] { hash = (hash ^ UInt64(byte)) &* 0x0000_0100_0000_01B3 }
        }
        hash = (hash ^ hash >> 33) &* 0xFF51_AFD7_ED55_8CCD
        hash = (hash ^ hash >> 33) &* 0xC4CE_B9FE_1A85_EC53
        return hash ^ hash >> 33
    }
}
