import CouchProtocol
import JSON
import TestSupport
import Testing

@testable import DocumentStore

/// Users who gain and lose documents at random, and their devices, which know nothing of that and sync now and then.
@Suite(.database) struct RevocationModelTests {
    @Test(arguments: 0..<6)
    func `a device that syncs has what its user may read, and nothing else`(round: Int) async throws {
        var settings = DatabaseSettings()
        settings.publicWrites = true
        let store = try await TestStore.make(settings)
        var generator = SeededGenerator.announced("\(#function) round \(round)")
        var devices = RandomWorld.users.flatMap { [Device(user: $0), Device(user: $0)] }
        for step in 0..<150 {
            switch Int.random(in: 0..<10, using: &generator) {
            case 0..<4: try await RandomWorld.write(step, to: store, &generator)
            case 4, 5: try await RandomWorld.move(in: store, &generator)
            case 6: try await Self.edit(step, on: &devices, store, &generator)
            case 7: try await RandomWorld.forge(step, to: store, &generator)
            default:
                let place = Int.random(in: devices.indices, using: &generator)
                // Some give up in the middle of a long feed, and go on later.
                for _ in 0..<Int.random(in: 1...3, using: &generator) {
                    let limit = Int.random(in: 1...6, using: &generator)
                    guard try await devices[place].pull(from: store, limit: limit) else { break }
                }
            }
        }
        devices.append(contentsOf: RandomWorld.users.map { Device(user: $0) })
        for place in devices.indices {
            while try await devices[place].pull(from: store, limit: 7) {}
            try await RandomWorld.check(devices[place], store)
            try await RandomWorld.pushBack(devices[place], store)
        }
        await store.close()
    }

    @Test
    func `devices that sync while everything moves, through several processes, end with what their users may read`()
        async throws
    {
        let first = try await TestStore.make()
        let stores = [first, try await first.another(), try await first.another()]
        var generator = SeededGenerator.announced()
        let seeds = (0..<10).map { _ in generator.next() }
        let busy = Countdown(4)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (index, store) in (stores + [first]).enumerated() {
                group.addTask {
                    defer { busy.countDown() }
                    var generator = SeededGenerator(seed: seeds[index])
                    for step in 0..<50 {
                        if index < 2 {
                            try await RandomWorld.write(step, to: store, &generator)
                        } else {
                            try await RandomWorld.move(in: store, &generator)
                        }
                    }
                }
            }
            for (index, user) in (RandomWorld.users + RandomWorld.users).enumerated() {
                group.addTask {
                    var generator = SeededGenerator(seed: seeds[4 + index])
                    var device = Device(user: user)
                    while true {
                        let isOver = busy.isOver
                        guard let store = stores.randomElement(using: &generator) else { return }
                        let limit = Int.random(in: 1...5, using: &generator)
                        let hasMore = try await device.pull(from: store, limit: limit)
                        if isOver, !hasMore { break }
                    }
                    try await RandomWorld.check(device, first)
                }
            }
            try await group.waitForAll()
        }
        for store in stores { await store.close() }
    }

    /// A user edits a document, on a device or directly.
    private static func edit(
        _ step: Int,
        on devices: inout [Device],
        _ store: TestStore,
        _ generator: inout SeededGenerator
    ) async throws {
        let place = Int.random(in: devices.indices, using: &generator)
        let user = devices[place].user
        let caller = Caller.user(name: user, groups: try await store.store.groups(of: user))
        guard let id = devices[place].documents.keys.sorted().randomElement(using: &generator) else { return }
        if Bool.random(using: &generator) {
            guard let known = try await store.store.document(id, in: store.database, for: caller), !known.isDeleted
            else { return }
            let edit = DocumentEdit.next(id.text, after: known.revision, "{\"u\":\(step)}")
            let outcome = try await store.store.write([edit], to: store.database, by: caller)[0]
            #expect(outcome.error == nil, "\(id) \(user) \(known.revision)")
            return
        }
        let hash = RevisionHash(digest: (0..<16).map { _ in UInt8.random(in: 0...255, using: &generator) })
        // Also such that the user may not read what comes of it.
        let groups = Int.random(in: 0..<3, using: &generator) > 0 ? nil : RandomWorld.someGroups(&generator)
        let tags = AskedTags(groups: groups)
        guard let edit = devices[place].edit(id, "{\"v\":\(step)}", hash: hash, tags: tags) else { return }
        // What is refused is undone by the device; else it is kept on both sides.
        if try await store.store.write([edit], to: store.database, by: caller)[0].error == nil {
            try devices[place].keep(edit)
        }
    }
}
