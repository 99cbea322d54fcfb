import CouchProtocol
import JSON
import TestSupport
import Testing

@testable import DocumentStore

/// A user who may read some of a document's branches, and the others, at random.
@Suite struct UnseenBranchTests {
    private static let caller = Caller.user(name: "ann", groups: ["red", "blue"])

    @Test func `a write's answer is the same whether there are branches that the writer does not see or not`() {
        var generator = SeededGenerator.announced()
        var settings = DatabaseSettings()
        for step in 0..<3_000 {
            settings.publicWrites = Bool.random(using: &generator)
            let rules = AccessRules(settings)
            let whole = Self.tree(step, &generator)
            guard let seen = rules.visible(whole, to: Self.caller) else { continue }
            let edit = Self.edit(step, over: whole, &generator)
            let (answer, after) = Self.write(edit, over: whole, settings)
            #expect(answer == Self.write(edit, over: seen, settings).0, "\(edit.revision)")
            RandomWorld.checkUnseen(whole, after, rules, Self.caller)
        }
    }

    private static func write(
        _ edit: DocumentEdit,
        over tree: RevisionTree<Tags>,
        _ settings: DatabaseSettings
    ) -> (EditOutcome, RevisionTree<Tags>) {
        var plan = WritePlan(settings, over: [edit.id: DocumentRecord(seq: 1, tree: tree)])
        let outcome = plan.add(edit, by: caller, traceID: nil)
        return (outcome, plan.changes[edit.id]?.record.tree ?? tree)
    }

    private static func tree(_ step: Int, _ generator: inout SeededGenerator) -> RevisionTree<Tags> {
        let choices = [
            Tags.none, Tags(owner: "ann"), Tags(owner: "bob"), Tags(groups: ["red"]), Tags(groups: ["green"]),
            Tags(owner: "ann", groups: ["green"]), Tags(owner: "bob", groups: ["blue"]),
        ]
        var plan = WritePlan(DatabaseSettings(), over: [:])
        var tree = RevisionTree<Tags>()
        for branch in 0..<Int.random(in: 1...4, using: &generator) {
            let path = RandomWorld.forgedPath(10 * step + branch, over: tree, &generator)
            let edit = DocumentEdit(
                id: DocumentID(stored: "d"),
                revision: .made(path),
                isDeleted: Int.random(in: 0..<3, using: &generator) == 0,
                body: .empty,
                tags: AskedTags(choices.randomElement(using: &generator) ?? .none)
            )
            _ = plan.add(edit, by: .administrator(name: "admin"), traceID: nil)
            tree = plan.changes[edit.id]?.record.tree ?? tree
        }
        return tree
    }

    private static func edit(
        _ step: Int,
        over tree: RevisionTree<Tags>,
        _ generator: inout SeededGenerator
    ) -> DocumentEdit {
        var revision = DocumentEdit.Revision.made(RandomWorld.forgedPath(10 * step + 9, over: tree, &generator))
        if Int.random(in: 0..<3, using: &generator) == 0 {
            let names = tree.nodes.map(\.id) + [RevisionID("2-ff")]
            revision = .next(after: Bool.random(using: &generator) ? nil : names.randomElement(using: &generator))
        }
        return DocumentEdit(
            id: DocumentID(stored: "d"),
            revision: revision,
            isDeleted: Int.random(in: 0..<4, using: &generator) == 0,
            body: .empty,
            tags: AskedTags(groups: [nil, [], ["red"], ["green"]].randomElement(using: &generator) ?? nil)
        )
    }
}
