import CouchProtocol
import JSON
import Postgres
import TestSupport
import Testing

@testable import DocumentStore

/// What happens at random in a database of which users gain and lose documents, and what their devices must have then.
enum RandomWorld {
    static let users = ["ann", "bob", "cleo"]
    /// Two of them are equivalent to Unicode, and are two.
    private static let groups = ["red", "blue", "gr\u{FC}n", "gru\u{308}n"]

    static func someGroups(_ generator: inout SeededGenerator) -> [String] {
        groups.filter { _ in Int.random(in: 0..<3, using: &generator) == 0 }
    }

    /// The administrator makes, changes, retags or deletes a document.
    static func write(_ step: Int, to store: TestStore, _ generator: inout SeededGenerator) async throws {
        let id = DocumentID(stored: "d\(Int.random(in: 0..<10, using: &generator))")
        let current = try await store.store.document(id, in: store.database, for: TestStore.administrator)
        let owner = Int.random(in: 0..<3, using: &generator) == 0 ? users.randomElement(using: &generator) : nil
        let groups = someGroups(&generator)
        let keepsTags = current != nil && Bool.random(using: &generator)
        let tags = keepsTags ? AskedTags() : AskedTags(Tags(owner: owner, groups: groups))
        if Int.random(in: 0..<6, using: &generator) == 0 {
            // A branch of another replica.
            let hash = String(generator.next() % 1_000, radix: 16)
            let path = ["\(Int.random(in: 1...3, using: &generator))-\(hash)"]
            let edit = DocumentEdit.made(id.text, path, "{\"n\":\(step)}", tags: tags)
            _ = try await store.store.write([edit], to: store.database, by: TestStore.administrator)
            return
        }
        let deleted = current?.isDeleted == false && Int.random(in: 0..<8, using: &generator) == 0
        let edit = DocumentEdit.next(id.text, after: current?.revision, "{\"n\":\(step)}", tags: tags, deleted: deleted)
        _ = try await store.store.write([edit], to: store.database, by: TestStore.administrator)
    }

    /// A user pushes a history that is put together of the names of what is there, as somebody does who had it once and
    /// wants it back: what the user does not see stays as it is, and stays unseen.
    static func forge(_ step: Int, to store: TestStore, _ generator: inout SeededGenerator) async throws {
        let id = DocumentID(stored: "d\(Int.random(in: 0..<10, using: &generator))")
        guard let user = users.randomElement(using: &generator),
            let before = try await store.store.records(of: [id], in: store.database)[id]?.tree
        else { return }
        let caller = Caller.user(name: user, groups: try await store.store.groups(of: user))
        let edit = DocumentEdit(
            id: id,
            revision: .made(forgedPath(step, over: before, &generator)),
            body: DocumentBody(bytes: Array("{\"f\":\(step)}".utf8), isFaithfulInJSONB: true),
            tags: AskedTags()
        )
        _ = try await store.store.write([edit], to: store.database, by: caller)
        guard let after = try await store.store.records(of: [id], in: store.database)[id]?.tree else { return }
        checkUnseen(before, after, AccessRules(store.database.settings), caller)
    }

    /// Some revisions, each of a generation less, of which some are in the tree.
    static func forgedPath(
        _ step: Int,
        over tree: RevisionTree<Tags>,
        _ generator: inout SeededGenerator
    ) -> RevisionPath {
        let start = Int.random(in: 1...6, using: &generator)
        let hashes = (0..<Int.random(in: 1...start, using: &generator)).map { offset in
            let known = tree.nodes.filter { $0.id.generation == start - offset }.map(\.id.hash)
            let isNew = offset == 0 ? Int.random(in: 0..<4, using: &generator) > 0 : Bool.random(using: &generator)
            return isNew
                ? RevisionID("1-f\(step)\(offset)").hash
                : known.randomElement(using: &generator) ?? RevisionID("1-f\(step)").hash
        }
        return RevisionPath(start: start, hashes: hashes)
    }

    /// Compares a document before and after a write of a user who does not see all of it.
    static func checkUnseen(
        _ before: RevisionTree<Tags>,
        _ after: RevisionTree<Tags>,
        _ rules: AccessRules,
        _ caller: Caller
    ) {
        let seen = rules.visible(before, to: caller)
        for leaf in before.leaves where !rules.mayRead(leaf.payload ?? .none, caller) {
            #expect(after.isLeaf(leaf.id) && after[leaf.id]?.payload == leaf.payload, "\(caller) \(leaf.id)")
        }
        let seenNow = rules.visible(after, to: caller)
        for node in before.nodes where seen?.contains(node.id) != true {
            #expect(seenNow?.contains(node.id) != true, "\(caller) \(node.id)")
        }
    }

    /// A user joins or leaves groups.
    static func move(in store: TestStore, _ generator: inout SeededGenerator) async throws {
        guard let user = users.randomElement(using: &generator), let group = groups.randomElement(using: &generator)
        else { return }
        switch Int.random(in: 0..<5, using: &generator) {
        case 0, 1: try await store.store.addMember(user, to: group, by: .administrator)
        case 2, 3: try await store.store.removeMember(user, from: group, by: .administrator)
        default:
            let some = groups.filter { _ in Bool.random(using: &generator) }
            try await store.store.setGroups(Set(some.map { ExactText($0) }), of: user, by: .administrator)
        }
    }

    /// Compares a device that has pulled all with a look at every document.
    static func check(_ device: Device, _ store: TestStore) async throws {
        let caller = Caller.user(name: device.user, groups: try await store.store.groups(of: device.user))
        let rules = AccessRules(store.database.settings)
        var expected: [DocumentID: [UInt8]] = [:]
        for row in try await store.store.client.query("SELECT id, tree FROM documents ORDER BY id") {
            let (text, bytes) = try row.decode(String.self, [UInt8].self)
            let id = DocumentID(stored: text)
            let leaves = try RevisionTree<Tags>(decoding: bytes).leaves
                .filter { rules.mayRead($0.payload ?? .none, caller) }
            guard let winner = leaves.first, !winner.isDeleted else { continue }
            let request = RevisionRequest(id: id, revision: winner.id)
            let stored = try await store.store.fetch([request], from: store.database, for: TestStore.administrator)
            expected[id] = stored[request]?.body
            let shown = try await store.store.document(id, in: store.database, for: caller)?.revision
            // A conflict can be won by what came back, on this user's devices alone.
            let isRight =
                try shown == device.documents[id]
                && (leaves.count > 1 || value(device.contents[id]) == value(expected[id]))
            guard !isRight else { continue }
            Issue.record("\(try await describe(id, device, store))")
        }
        for id in device.documents.keys where expected[id] == nil {
            Issue.record("\(try await describe(id, device, store))")
        }
    }

    private static func value(_ body: [UInt8]?) throws -> JSONValue? {
        try body.map { try JSONValue(parsing: $0) }
    }

    /// All that there is to know of a document and a device, for who must find out why they differ.
    private static func describe(_ id: DocumentID, _ device: Device, _ store: TestStore) async throws -> String {
        let caller = Caller.user(name: device.user, groups: try await store.store.groups(of: device.user))
        guard let history = try await store.store.histories(of: [id], in: store.database, for: caller)[id] else {
            return ""
        }
        func text<Payload>(_ tree: RevisionTree<Payload>?) -> String {
            let lines = (tree?.leaves ?? []).map { leaf in
                let path = tree?.path(to: leaf.id)?.revisions.map { $0.description.prefix(6) }.joined(separator: " ")
                return "    \(path ?? "") \(leaf.isDeleted ? "deleted" : "") \(leaf.payload.map { "\($0)" } ?? "")"
            }
            return lines.joined(separator: "\n")
        }
        let view = AccessRules(store.database.settings).view(history.tree, for: caller, losses: history.ownLosses)
        let events = try await store.store.client.query(
            "SELECT seq, group_name, joined FROM membership_events WHERE user_name = \(device.user) ORDER BY seq"
        )
        .map {
            "\(try $0.decode(Int64.self, at: 0))\(try $0.decode(Bool.self, at: 2) ? "+" : "-")\(try $0.decode(String.self, at: 1))"
        }
        func losses(_ losses: [Loss]) -> String {
            losses.map { loss in
                "\(loss.seq): "
                    + loss.leaves.map { $0.revisions.map { $0.description.prefix(6) }.joined(separator: " ") }.joined(
                        separator: " | "
                    )
            }.joined(separator: "; ")
        }
        let entries = try await store.store.client.query(
            """
            SELECT kind || ':' || feeds.name, entry.seq, present, losses
            FROM feed_entries AS entry JOIN feeds ON feeds.id = feed JOIN documents ON number = document
            WHERE documents.id = \(id.text)
            """
        )
        .map { row in
            let (feed, seq, present, column) = try row.decode(String.self, Int64.self, Bool.self, [[UInt8]]?.self)
            return "\(feed) \(seq) \(present) \(losses(try Loss.all(column)))"
        }
        return """
            \(id) seq \(history.seq), \(caller), events \(events)
              stored\n\(text(history.tree))\n  view\n\(text(view))\n  device at \(device.checkpoint)\n\(text(device.trees[id]))
              own losses \(losses(history.ownLosses)) entries \(entries.joined(separator: "\n    "))
            """
    }

    /// A device that pushes back whatever it has changes nothing, and is refused nothing that it was told to drop.
    static func pushBack(_ device: Device, _ store: TestStore) async throws {
        let before = try await store.store.info(store.database).updateSeq
        let caller = Caller.user(name: device.user, groups: try await store.store.groups(of: device.user))
        let outcomes = try await store.store.write(device.leaves, to: store.database, by: caller)
        for (edit, outcome) in zip(device.leaves, outcomes) {
            #expect(outcome.error == nil, "\(edit.id) \(edit.revision)")
        }
        #expect(try await store.store.info(store.database).updateSeq == before)
    }
}
