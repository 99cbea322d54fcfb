import TestSupport
import Testing

@testable import ChangeListener

/// Who runs which follower, for random processes and followers.
@Suite struct FollowerSharesTests {
    private static let project = "p"

    /// Whose each follower is, as each of the processes says it.
    private func owners(of followers: [String], among members: Set<String>) -> [String: String] {
        var owners: [String: String] = [:]
        for own in members {
            let shares = FollowerShares(own: own, members: [Self.project: members])
            for follower in followers where shares.isOwn(follower, in: "d", of: Self.project) {
                #expect(owners.updateValue(own, forKey: follower) == nil, "\(follower) has two owners")
            }
        }
        #expect(owners.count == followers.count)
        return owners
    }

    @Test func `each follower is one process's, and only the share of those that come or go changes hands`() {
        var random = SeededGenerator.announced()
        let followers = (0..<Int.random(in: 1...300, using: &random)).map { "listener/p/l\($0)" }
        var members: Set<String> = ["m\(random.next())"]
        var before = owners(of: followers, among: members)
        for _ in 0..<20 {
            let leaves = members.count > 1 && Bool.random(using: &random)
            let one = leaves ? members.sorted().randomElement(using: &random) ?? "" : "m\(random.next())"
            if leaves { members.remove(one) } else { members.insert(one) }
            let after = owners(of: followers, among: members)
            for follower in followers where before[follower] != after[follower] {
                #expect((leaves ? before : after)[follower] == one)
            }
            before = after
        }
    }

    @Test func `shares are of about the same size`() {
        let members = Set((0..<4).map { "0199f0a2-\($0)" })
        let owners = owners(of: (0..<1_000).map { "listener/p/\($0)" }, among: members)
        for member in members {
            #expect((150...350).contains(owners.values.count { $0 == member }), "\(member)")
        }
    }

    @Test func `nobody runs what belongs to a project that it cannot read`() {
        let shares = FollowerShares(own: "a", members: [FollowerShares.everything: ["a"], "q": ["b"]])
        #expect(shares.isOwn("publisher", in: "d", of: FollowerShares.everything))
        #expect(!shares.isOwn("listener/p/l", in: "d", of: "p"))
        #expect(!shares.isOwn("listener/q/l", in: "d", of: "q"))
    }
}
