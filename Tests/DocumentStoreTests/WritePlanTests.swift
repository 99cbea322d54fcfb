import CouchProtocol
import JSON
import Testing

@testable import DocumentStore

/// What a batch of edits does to documents, without a database.
@Suite struct WritePlanTests {
    private let administrator = Caller.administrator(name: "admin")

    private func plan(
        _ edits: [DocumentEdit],
        by caller: Caller? = nil,
        over plan: WritePlan? = nil
    ) -> (
        WritePlan, [EditOutcome]
    ) {
        var plan = plan ?? WritePlan(DatabaseSettings(), over: [:])
        let outcomes = edits.map { plan.add($0, by: caller ?? administrator, traceID: nil) }
        return (plan, outcomes)
    }

    private func tree(_ plan: WritePlan, _ id: String = "d") -> RevisionTree<Tags> {
        plan.changes[DocumentID(stored: id)]?.record.tree ?? RevisionTree()
    }

    @Test func `a document is created, changed and deleted in one batch, and counts once`() throws {
        var (plan, made) = plan([.next("d", #"{"a":1}"#)])
        let first = try made[0].revision
        let second = try plan.add(.next("d", after: first, #"{"a":2}"#), by: administrator, traceID: nil).revision
        let third = try plan.add(.next("d", after: second, deleted: true), by: administrator, traceID: nil).revision
        #expect([first, second, third].map(\.generation) == [1, 2, 3])
        #expect(plan.order.count == 1)
        #expect(plan.bodies.map(\.revision) == [first, second, third])
        #expect(tree(plan).winner?.id == third)
        #expect(tree(plan).isDeleted)
    }

    @Test func `a write that does not follow a leaf is a conflict`() throws {
        var (plan, made) = plan([.next("d")])
        let first = try made[0].revision
        _ = plan.add(.next("d", after: first, #"{"b":1}"#), by: administrator, traceID: nil)
        #expect(plan.add(.next("d"), by: administrator, traceID: nil) == .refused(.conflict))
        #expect(plan.add(.next("d", after: first), by: administrator, traceID: nil) == .refused(.conflict))
        #expect(plan.add(.next("d", after: "9-ab"), by: administrator, traceID: nil) == .refused(.conflict))
        #expect(plan.add(.next("new", after: "1-ab"), by: administrator, traceID: nil) == .refused(.conflict))
    }

    @Test func `the same edit of the same revision has the same name, another one has another`() throws {
        let one = try plan([.next("d", #"{"a":1}"#)]).1[0].revision
        let same = try plan([.next("d", #"{"a":1}"#)]).1[0].revision
        let other = try plan([.next("d", #"{"a":2}"#)]).1[0].revision
        let tagged = try plan([.next("d", #"{"a":1}"#, tags: AskedTags(Tags(owner: "ann")))]).1[0].revision
        #expect(one == same)
        #expect(one != other)
        #expect(one != tagged)
    }

    @Test func `a deleted document comes back behind its tombstone, with or without its revision`() throws {
        for namesIt in [false, true] {
            var (plan, made) = plan([.next("d")])
            let tombstone = try plan.add(
                .next("d", after: try made[0].revision, deleted: true),
                by: administrator,
                traceID: nil
            ).revision
            let back = plan.add(
                .next("d", after: namesIt ? tombstone : nil, "{\"x\":1}"),
                by: administrator,
                traceID: nil
            )
            #expect(try back.revision.generation == 3)
            #expect(!tree(plan).isDeleted)
            #expect(tree(plan).leafCount == 1)
        }
    }

    @Test func `revisions made elsewhere become branches, and what is known changes nothing`() throws {
        let (plan, outcomes) = plan([
            .made("d", ["2-aa", "1-00"]), .made("d", ["2-bb", "1-00"]), .made("d", ["2-aa", "1-00"]),
            .made("d", ["3-cc", "2-aa"]),
        ])
        #expect(outcomes.allSatisfy { $0.error == nil })
        #expect(plan.bodies.count == 3)
        #expect(Set(tree(plan).leaves.map(\.id)) == ["3-cc", "2-bb"])
    }

    @Test func `only leaves have tags`() {
        let (plan, _) = plan([
            .made("d", ["2-aa", "1-00"], tags: AskedTags(Tags(owner: "ann"))),
            .made("d", ["3-cc", "2-aa"], tags: AskedTags(Tags(owner: "ann"))),
            // The body of an ancestor comes after its descendants.
            .made("d", ["1-00"], tags: AskedTags(Tags(owner: "bob"))),
        ])
        #expect(tree(plan).nodes.filter { $0.payload != nil }.map(\.id) == ["3-cc"])
        #expect(tree(plan)["3-cc"]?.payload?.owner == "ann")
    }

    @Test func `a forged history does not untag a leaf of another branch`() {
        let (plan, outcomes) = plan([
            .made("d", ["2-aa", "1-00"], tags: AskedTags(Tags(owner: "ann"))),
            .made("d", ["3-bb", "2-b0", "1-11"], tags: AskedTags(Tags(owner: "bob"))),
        ])
        #expect(outcomes.allSatisfy { $0.error == nil })
        let (forged, answer) = self.plan(
            [.made("d", ["4-cc", "3-bb", "2-aa", "1-00"])],
            by: .user(name: "bob", groups: []),
            over: plan
        )
        #expect(answer[0].error == nil)
        #expect(tree(forged)["2-aa"]?.payload == Tags(owner: "ann"))
        #expect(tree(forged).leaves.allSatisfy { ($0.payload ?? .none) != .none })
    }

    @Test func `nobody gets at a branch of others by making a branch beside it`() {
        let (plan, _) = plan([
            .made("d", ["3-aa", "2-aa", "1-aa"], tags: AskedTags(Tags(owner: "ann"))),
            .made("d", ["4-bb", "3-bb"], tags: AskedTags(Tags(owner: "bob"))),
        ])
        let bob = Caller.user(name: "bob", groups: [])
        // As if there were no other branch.
        let (beside, outcome) = self.plan([.made("d", ["3-ff", "2-aa", "1-aa"])], by: bob, over: plan)
        #expect(outcome[0].error == nil)
        #expect(tree(beside)["3-ff"]?.payload == Tags(owner: "bob"))
        #expect(tree(beside)["3-ff"]?.parent == nil)
        #expect(self.plan([.next("d", after: "3-aa")], by: bob, over: plan).1[0].error == "conflict")
        #expect(self.plan([.made("d", ["5-ff", "4-bb"])], by: bob, over: plan).1[0].error == nil)
    }

    @Test func `nobody gets at a branch of others by giving a root of the own branch ancestors`() {
        let (plan, _) = plan([
            .made("d", ["3-aa", "2-aa"], tags: AskedTags(Tags(owner: "ann"))),
            .made("d", ["3-cc"], tags: AskedTags(.none)),
            .made("d", ["4-bb"], tags: AskedTags(Tags(owner: "bob"))),
        ])
        let bob = Caller.user(name: "bob", groups: [])
        // The last is everybody's, and not a user's to change.
        for foreign in [["3-aa", "2-aa"], ["3-99", "2-aa"], ["3-cc"]] {
            let (joined, answers) = self.plan([.made("d", ["5-ff", "4-bb"] + foreign)], by: bob, over: plan)
            #expect(answers[0].error == nil)
            #expect(Set(tree(joined).leaves.map(\.id)) == ["3-aa", "3-cc", "5-ff"])
            #expect(plan.rules.visible(tree(joined), to: bob)?.contains("3-aa") == false)
        }
    }

    @Test func `what is not seen answers as if it were not there`() {
        let (plan, _) = plan([
            .made("d", ["3-aa", "2-aa"], tags: AskedTags(Tags(owner: "ann"))),
            .made("d", ["2-bb", "1-bb"], tags: AskedTags(Tags(owner: "bob")), deleted: true),
        ])
        // What bob does not see is alive, and wins; to bob the document is deleted.
        let bob = Caller.user(name: "bob", groups: [])
        let (back, outcome) = self.plan([.next("d")], by: bob, over: plan)
        #expect(outcome[0].error == nil)
        #expect(tree(back).leaves.map(\.id).contains("3-aa"))
        #expect(tree(back).leafCount == 2)
        // To a guess at a revision of others it makes no difference whether it is right.
        let (right, wrong) = (DocumentEdit.made("d", ["3-aa"]), DocumentEdit.made("d", ["3-ab"]))
        #expect(
            self.plan([right], by: bob, over: plan).1[0].error == self.plan([wrong], by: bob, over: plan).1[0].error
        )
        let eve = Caller.user(name: "eve", groups: [])
        for guess in [right, wrong, .made("d", ["2-aa"]), .next("d"), .next("d", after: "3-aa")] {
            #expect(self.plan([guess], by: eve, over: plan).1[0] == .refused(AccessRules.refused))
        }
    }

    @Test func `a revision is taken only as far from the first as clients can count on`() throws {
        let greatest = RevisionID.greatestWrittenGeneration
        var (plan, outcomes) = plan([.made("d", ["\(greatest + 1)-a"]), .made("d", ["\(greatest)-a"])])
        #expect(outcomes.map(\.error) == ["bad_request", nil])
        let next = DocumentEdit.next("d", after: try outcomes[1].revision)
        #expect(plan.add(next, by: administrator, traceID: nil).error == "bad_request")
        #expect(try RevisionTree<Tags>(decoding: tree(plan).encoded) == tree(plan))
    }

    @Test func `users make fewer branches, and change one document less often at once`() {
        let bob = Caller.user(name: "bob", groups: [])
        let branches = (0..<WriteLimits().userBranches).map { DocumentEdit.made("d", ["1-b\($0)"]) }
        var (plan, outcomes) = plan(branches + [.made("d", ["1-one"])], by: bob)
        #expect(outcomes.prefix(branches.count).allSatisfy { $0.error == nil })
        #expect(outcomes.last?.error == "too_many_edits")
        (plan, outcomes) = self.plan(
            [.made("d", ["1-one"]), .made("d", ["2-two", "1-b0"]), .made("e", ["1-a"])],
            by: bob,
            over: WritePlan(DatabaseSettings(), over: [DocumentID(stored: "d"): DocumentRecord(tree: tree(plan))])
        )
        #expect(outcomes.map(\.error) == ["too_many_branches", nil, nil])
    }

    @Test func `a tombstone belongs to whom its document belonged to, whatever it says`() throws {
        for caller in [administrator, .sequence(user: "eve")] {
            var (plan, made) = plan([.next("d", tags: AskedTags(Tags(owner: "ann", groups: ["g"])))])
            let outcome = plan.add(
                .next("d", after: try made[0].revision, tags: AskedTags(.none), deleted: true),
                by: caller,
                traceID: nil
            )
            #expect(outcome.error == nil)
            #expect(tree(plan).winner?.payload == Tags(owner: "ann", groups: ["g"]))
        }
    }

    @Test func `an edit made offline is not refused for groups that others changed meanwhile`() {
        let (plan, _) = plan([
            .made("d", ["1-aa"], tags: AskedTags(Tags(owner: "bob", groups: ["g1", "g2"]))),
            .made("d", ["2-aa", "1-aa"], tags: AskedTags(Tags(owner: "bob", groups: ["g1", "g3"]))),
        ])
        let asked = AskedTags(groups: ["g1", "g2", "h"])
        for (caller, groups) in [
            (Caller.user(name: "ann", groups: ["g1", "h"]), ["g1", "h", "g3"]),
            (.user(name: "bob", groups: []), ["g1", "g3"]),
        ] {
            let (edited, outcomes) = self.plan(
                // What follows on the device still names the groups of once.
                [.made("d", ["2-bb", "1-aa"], tags: asked), .made("d", ["3-bb", "2-bb", "1-aa"], tags: asked)],
                by: caller,
                over: plan
            )
            #expect(outcomes.map(\.error) == [nil, nil])
            #expect(tree(edited)["3-bb"]?.payload == Tags(owner: "bob", groups: groups))
            // Who goes on from what is there adds no group of others.
            let next = DocumentEdit.made("d", ["3-aa", "2-aa"], tags: AskedTags(groups: ["g1", "g2", "g3"]))
            #expect(self.plan([next], by: caller, over: plan).1[0].error == "forbidden")
        }
    }

    @Test func `what an administrator replicates has the tags that it brings, and no others`() {
        let (plan, _) = plan([
            .made("d", ["1-aa"], tags: AskedTags(Tags(owner: "ann", groups: ["g"]))),
            .made("d", ["2-aa", "1-aa"]),
            // A branch of its own, and a tombstone that ends nothing that is here.
            .made("d", ["1-bb"]), .made("d", ["2-cc", "1-cc"], tags: AskedTags(Tags(owner: "bob")), deleted: true),
        ])
        #expect(tree(plan)["2-aa"]?.payload == Tags.none)
        #expect(tree(plan)["1-bb"]?.payload == Tags.none)
        #expect(tree(plan)["2-cc"]?.payload == Tags(owner: "bob"))
        let (ended, _) = self.plan([.made("d", ["3-cc", "2-cc"], deleted: true)], over: plan)
        #expect(tree(ended)["3-cc"]?.payload == Tags(owner: "bob"))
    }

    @Test func `history is forgotten beyond the database's limit`() throws {
        var settings = DatabaseSettings()
        settings.revisionLimit = 3
        var plan = WritePlan(settings, over: [:])
        var last: RevisionID?
        for step in 0..<10 {
            last = try plan.add(.next("d", after: last, "{\"n\":\(step)}"), by: administrator, traceID: nil).revision
        }
        #expect(tree(plan).nodes.map(\.id.generation) == [8, 9, 10])
    }

    @Test func `a document with too many branches is refused another one, but not another revision`() throws {
        var plan = WritePlan(DatabaseSettings(), over: [:])
        for branch in 0..<WriteLimits().branches {
            _ = try plan.add(.made("d", ["1-b\(branch)"]), by: administrator, traceID: nil).revision
        }
        let record = try #require(plan.changes[DocumentID(stored: "d")]?.record)
        plan = WritePlan(DatabaseSettings(), over: [DocumentID(stored: "d"): record])
        #expect(plan.add(.made("d", ["1-one"]), by: administrator, traceID: nil).error == "too_many_branches")
        #expect(plan.add(.made("d", ["2-two", "1-b0"]), by: administrator, traceID: nil).error == nil)
    }

    @Test func `a history has a limit in bytes, and what goes on from a leaf has room left`() throws {
        func long(_ name: String) -> String { name + String(repeating: "x", count: 240) }
        var plan = WritePlan(DatabaseSettings(), over: [:])
        var outcomes: [EditOutcome] = []
        for branch in 0..<100 where outcomes.last?.error == nil {
            let path = (0..<20).map { "\(20 - $0)-\(long("\(branch).\($0)"))" }
            outcomes.append(plan.add(.made("d", path), by: administrator, traceID: nil))
        }
        #expect(outcomes.last?.error == "history_too_large")
        #expect(outcomes.count > 20)
        #expect(tree(plan).leafCount == outcomes.count - 1)
        #expect(WriteLimits().history - 12_000...WriteLimits().history ~= tree(plan).encoded.count)
        #expect(tree(plan).encoded.count...tree(plan).encoded.count + 3_000 ~= tree(plan).byteCount)
        for leaf in tree(plan).leaves {
            #expect(plan.add(.next("d", after: leaf.id, deleted: true), by: administrator, traceID: nil).error == nil)
        }
    }

    @Test func `the limits are those that are set`() {
        var limits = WriteLimits()
        (limits.idLength, limits.branches, limits.edits, limits.history) = (40, 2, 3, 1_000)
        let long = String(repeating: "i", count: 41)
        var plan = WritePlan(DatabaseSettings(), over: [:], limits: limits)
        func outcome(_ edit: DocumentEdit) -> String? { plan.add(edit, by: administrator, traceID: nil).error }
        #expect(outcome(.next(long)) == "illegal_docid")
        #expect(["1-a", "1-b", "1-c"].map { outcome(.made("d", [$0])) } == [nil, nil, "too_many_branches"])
        #expect(outcome(.made("d", ["2-a", "1-a"])) == "too_many_edits")
        let name = String(repeating: "x", count: 240)
        #expect(["1-a", "1-b"].map { outcome(.made("e", [$0 + name])) } == [nil, nil])
        #expect(outcome(.made("f", (1...9).map { "\(10 - $0)-\(name)" })) == "history_too_large")
        // What is there already goes on.
        plan = WritePlan(DatabaseSettings(), over: [DocumentID(stored: long): DocumentRecord()], limits: limits)
        #expect(outcome(.next(long)) == nil)
    }

    @Test func `names that cannot be kept are refused`() {
        let tags = [
            Tags(owner: ""), Tags(owner: "a\0b"), Tags(groups: [String(repeating: "g", count: 256)]),
            Tags(groups: (0...1_000).map(String.init)),
        ]
        for tags in tags {
            let (plan, outcomes) = plan([.next("d", tags: AskedTags(tags))], by: .sequence(user: nil))
            #expect(outcomes[0].error == "doc_validation")
            #expect(plan.order.isEmpty)
        }
    }

    @Test func `a local document is not written with the others`() {
        #expect(plan([.next("_local/x")]).1[0].error == "illegal_docid")
    }
}
