import CouchProtocol
import TestSupport
import Testing

@testable import DocumentStore

/// Random edits against a model that knows a document as the set of its paths.
@Suite struct ModelTests {
    /// Each revision with its ancestors, newest first, as the edits told of them.
    private struct Model {
        var parents: [RevisionID: RevisionID] = [:]
        var deleted: [RevisionID: Bool] = [:]

        var leaves: Set<RevisionID> { Set(deleted.keys).union(parents.keys).subtracting(parents.values) }

        /// Alive before deleted, then the greater.
        var winner: RevisionID? {
            leaves.max { lhs, rhs in
                let (left, right) = (deleted[lhs] ?? false, deleted[rhs] ?? false)
                return left != right ? left : lhs < rhs
            }
        }

        mutating func add(_ path: RevisionPath, isDeleted: Bool) {
            let revisions = path.revisions
            for (child, parent) in zip(revisions, revisions.dropFirst()) where parents[child] == nil {
                parents[child] = parent
            }
            if deleted[revisions[0]] == nil { deleted[revisions[0]] = isDeleted }
        }
    }

    @Test func `a plan keeps the leaves and the winner that the edits make`() throws {
        var generator = SeededGenerator.announced()
        for _ in 0..<200 {
            var settings = DatabaseSettings()
            settings.revisionLimit = 1_000
            var plan = WritePlan(settings, over: [:])
            var model = Model()
            for step in 0..<Int.random(in: 1...30, using: &generator) {
                try add(step, to: &plan, &model, &generator)
                let tree = plan.changes[DocumentID(stored: "d")]?.record.tree ?? RevisionTree()
                #expect(Set(tree.leaves.map(\.id)) == model.leaves)
                #expect(tree.winner?.id == model.winner)
                for leaf in tree.leaves { #expect(leaf.isDeleted == model.deleted[leaf.id]) }
            }
            #expect(plan.bodies.count == model.deleted.count)
        }
    }

    private func add(
        _ step: Int,
        to plan: inout WritePlan,
        _ model: inout Model,
        _ generator: inout SeededGenerator
    ) throws {
        let administrator = Caller.administrator(name: "admin")
        let isDeleted = Int.random(in: 0..<4, using: &generator) == 0
        let known = Array(model.deleted.keys).sorted()
        if Bool.random(using: &generator) {
            // An edit behind a random revision, which must be a leaf; or behind none.
            let parent = known.randomElement(using: &generator)
            let outcome = plan.add(
                .next("d", after: parent, "{\"n\":\(step)}", deleted: isDeleted),
                by: administrator,
                traceID: nil
            )
            if let parent, model.leaves.contains(parent) || model.deleted.isEmpty {
                let revision = try outcome.revision
                model.add(
                    RevisionPath(start: revision.generation, hashes: [revision.hash, parent.hash]),
                    isDeleted: isDeleted
                )
            } else if parent == nil {
                model.add(RevisionPath(try outcome.revision), isDeleted: isDeleted)
            } else {
                #expect(outcome == .refused(.conflict))
            }
        } else {
            // A revision made elsewhere, behind a known one or beside all.
            let hash = RevisionID("1-\(String(generator.next() % 4_096, radix: 16))").hash
            let parent = known.randomElement(using: &generator)
            let path = parent.map { RevisionPath($0).appending(hash) } ?? RevisionPath(start: 1, hashes: [hash])
            let outcome = plan.add(
                DocumentEdit(
                    id: DocumentID(stored: "d"),
                    revision: .made(path),
                    isDeleted: isDeleted,
                    body: .empty,
                    tags: AskedTags()
                ),
                by: administrator,
                traceID: nil
            )
            #expect(try outcome.revision == path.revision)
            model.add(path, isDeleted: isDeleted)
        }
    }
}
