import CouchProtocol
import JSON
import Postgres
import TestSupport
import Testing

@testable import DocumentStore

/// What is noted when users leave groups, also when that is interrupted, and when they give documents away.
@Suite(.database) struct DepartureTests {
    private static let red = Tags(owner: nil, groups: ["red"])

    /// Takes the user out of the group, as a process does that dies right behind it.
    private func leave(_ user: String, _ group: String, _ store: TestStore) async throws {
        let isChanged = try await store.store.beginMembershipChange(of: user) { connection in
            try await connection.execute(
                "DELETE FROM memberships WHERE user_name = \(user) AND group_name = \(group)"
            )
        }
        #expect(isChanged == true)
    }

    private func pullAll(_ device: inout Device, _ store: TestStore) async throws {
        while try await device.pull(from: store, limit: 4) {}
    }

    private func departures(_ store: TestStore) async throws -> Int64 {
        try await store.scalar("SELECT count(*) FROM departures")
    }

    @Test func `leaving a large group takes one number of each database`() async throws {
        let store = try await TestStore.make()
        try await store.store.createDatabase("second")
        try await store.store.addMember("ann", to: "red", by: .administrator)
        for number in 0..<20 { try await store.put("d\(number)", tags: Self.red) }
        let before = try await store.store.info(store.database).updateSeq
        try await leave("ann", "red", store)
        #expect(try await store.store.info(store.database).updateSeq == before + 1)
        #expect(try await departures(store) == 1)
        // Nobody waits for the rest, which is some numbers more.
        try await store.put("another")
        try await store.store.finishDepartures()
        #expect(try await store.store.info(store.database).updateSeq == before + 2 + 20)
        #expect(try await departures(store) == 0)
        #expect(try await store.store.info(store.store.database("second")).updateSeq == 2)
        await store.close()
    }

    @Test func `what is noted as lost ends a feed that the user's open feeds wait for`() async throws {
        let store = try await TestStore.make()
        try await store.store.addMember("ann", to: "red", by: .administrator)
        try await store.put("d", tags: Self.red)
        try await leave("ann", "red", store)
        let caller = Caller.user(name: "ann", groups: [])
        let feeds = Array(try #require(caller.readFeeds))
        // The leaving itself is told as a change of rights. A feed that has looked between it and the loss stands here.
        let place = try await store.store.info(store.database).updateSeq
        #expect(try await store.store.ends(of: feeds, inDatabase: store.database.name).values.allSatisfy { $0 < place })
        try await store.store.finishDepartures()
        #expect(try await store.store.ends(of: feeds, inDatabase: store.database.name).values.max() == place + 1)
        await store.close()
    }

    @Test(arguments: [false, true])
    func `what a user gives away leaves the devices of the user, and nobody else hears of it`(
        isBranch: Bool
    ) async throws {
        let store = try await TestStore.make()
        for user in ["ann", "cleo"] { try await store.store.addMember(user, to: "red", by: .administrator) }
        let tags = Tags(owner: "bob", groups: ["red"])
        let first = try await store.put("d", tags: tags)
        var (device, other, member) = (Device(user: "ann"), Device(user: "ann"), Device(user: "cleo"))
        try await pullAll(&device, store)
        try await pullAll(&other, store)
        // A branch that the device does not know of keeps the document readable.
        if isBranch { try await store.put("d", after: first, tags: tags) }
        // The greatest of its generation, so that it is what the device shows.
        let hash = RevisionHash(digest: [UInt8](repeating: 0xFF, count: 16))
        let asked = AskedTags(groups: isBranch ? ["blue"] : [])
        let edit = try #require(device.edit(DocumentID(stored: "d"), "{}", hash: hash, tags: asked))
        try device.keep(edit)
        let caller = Caller.user(name: "ann", groups: ["red"])
        let outcome = try await store.store.write([edit], to: store.database, by: caller)[0]
        let given = try outcome.revision
        try await pullAll(&device, store)
        try await pullAll(&other, store)
        try await pullAll(&member, store)
        for device in [device, other, member] {
            try await RandomWorld.check(device, store)
            try await RandomWorld.pushBack(device, store)
        }
        let tree = member.trees[DocumentID(stored: "d")]
        #expect(tree?.contains(given) != true, "another member has heard of it")
        await store.close()
    }

    @Test func `a device that pulls is told all, whatever was left undone and happened since`() async throws {
        let store = try await TestStore.make()
        try await store.store.addMember("ann", to: "red", by: .administrator)
        var revisions: [RevisionID] = []
        for number in 0..<8 { revisions.append(try await store.put("d\(number)", tags: Self.red)) }
        var device = Device(user: "ann")
        try await pullAll(&device, store)
        #expect(device.documents.count == 8)
        try await leave("ann", "red", store)
        // Changed, taken elsewhere, deleted, given to the user alone, and for everybody.
        try await store.put("d1", after: revisions[1], tags: Self.red)
        try await store.put("d2", after: revisions[2], tags: Tags(owner: nil, groups: ["blue"]))
        try await store.put("d3", after: revisions[3], deleted: true)
        try await store.put("d4", after: revisions[4], tags: Tags(owner: "ann", groups: []))
        try await store.put("d5", after: revisions[5], tags: .none)
        // What came later is no business of hers.
        try await store.put("new", tags: Self.red)
        let gone = try await store.put("brief", tags: Self.red)
        try await store.put("brief", after: gone, tags: Tags(owner: nil, groups: ["blue"]))
        try await pullAll(&device, store)
        #expect(Set(device.documents.keys.map(\.text)) == ["d4", "d5"])
        #expect(device.trees[DocumentID(stored: "new")] == nil)
        #expect(device.trees[DocumentID(stored: "brief")] == nil)
        #expect(try await departures(store) == 0)
        try await RandomWorld.check(device, store)
        try await RandomWorld.pushBack(device, store)
        await store.close()
    }

    @Test func `who comes back gets all, though the leaving was not finished`() async throws {
        let store = try await TestStore.make()
        try await store.store.addMember("ann", to: "red", by: .administrator)
        for number in 0..<6 { try await store.put("d\(number)", tags: Self.red) }
        var (early, late) = (Device(user: "ann"), Device(user: "ann"))
        try await pullAll(&early, store)
        try await pullAll(&late, store)
        try await leave("ann", "red", store)
        try await pullAll(&early, store)
        #expect(early.documents.isEmpty)
        try await store.store.addMember("ann", to: "red", by: .administrator)
        try await leave("ann", "red", store)
        try await store.store.addMember("ann", to: "red", by: .administrator)
        #expect(try await departures(store) == 0)
        for device in [early, late, Device(user: "ann")] {
            var device = device
            try await pullAll(&device, store)
            #expect(device.documents.count == 6)
            try await RandomWorld.check(device, store)
            try await RandomWorld.pushBack(device, store)
        }
        await store.close()
    }

    @Test func `several processes finish the same leaving, and note each loss once`() async throws {
        let store = try await TestStore.make()
        let stores = [store, try await store.another(), try await store.another()]
        for group in ["red", "blue"] { try await store.store.addMember("ann", to: group, by: .administrator) }
        let both = Tags(owner: nil, groups: ["red", "blue"])
        let count = Departure.stretch + 20
        let edits = (0..<count).map { DocumentEdit.next("d\($0)", tags: AskedTags(both)) }
        _ = try await store.store.write(edits, to: store.database, by: TestStore.administrator)
        let isChanged = try await store.store.beginMembershipChange(of: "ann") { connection in
            try await connection.execute("DELETE FROM memberships WHERE user_name = 'ann'")
        }
        #expect(isChanged == true)
        let before = try await store.store.info(store.database).updateSeq
        try await withThrowingTaskGroup(of: Void.self) { group in
            for store in stores + stores { group.addTask { try await store.store.finishDepartures() } }
            try await group.waitForAll()
        }
        #expect(try await store.store.info(store.database).updateSeq == before + count)
        for store in stores { await store.close() }
    }
}
