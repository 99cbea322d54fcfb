import CouchProtocol
import FullSyncClient
import JSON
import TestSupport
import Testing

/// Somebody with a device who notes down visits to work orders, one document for each, and pushes each note before the
/// next one.
actor Technician {
    let name: String
    /// The numbers of the work orders that nobody else edits.
    let orders: [String]
    /// The notes that were written about each, in order.
    private(set) var written: [String: [String]] = [:]
    private let local: MemoryReplica
    private let remote: HTTPReplica
    private var random: SeededGenerator

    init(_ name: String, orders: [String], on system: FaultySystem, seed: UInt64) async throws {
        self.name = name
        self.orders = orders
        random = SeededGenerator(seed: seed)
        local = MemoryReplica(identity: "device of \(name) \(seed)")
        remote = try await system.database(of: name)
    }

    /// Notes and pushes until that moment; what was noted is pushed in any case.
    func work(until end: ContinuousClock.Instant) async throws {
        var count = 0
        while ContinuousClock.now < end, !orders.isEmpty {
            count += 1
            let order = orders.randomElement(using: &random) ?? orders[0]
            let note = "\(name) \(count)"
            let id = DocumentID(stored: "visit-\(order)")
            let present = await local.document(id)?.objectValue ?? [:]
            let visit: JSONObject = ["type": "visit", "order": .string(order), "note": .string(note)]
            _ = try await local.put(id, present.merging(visit))
            written[order, default: []].append(note)
            #expect(try await local.push(to: remote) == 0, "\(order): \(note)")
            try await Task.sleep(for: .milliseconds(Int.random(in: 50...600, using: &random)))
        }
    }
}

extension MemoryReplica {
    /// Pushes everything, however long the server is away.
    ///
    /// - Returns: How many documents were refused: those that came with a pull and have been taken from the user since.
    @discardableResult
    func push(to remote: HTTPReplica) async throws -> Int {
        try await patiently {
            try await Replicator(from: self, to: remote, options: .impatient).run().statistics.writeFailures
        }
    }
}

extension ReplicationOptions {
    /// Gives up soon, so that the caller can begin anew.
    static var impatient: ReplicationOptions {
        var options = ReplicationOptions()
        options.retry.attemptLimit = 3
        options.retry.longestPause = .seconds(1)
        return options
    }
}

extension FaultySystem {
    /// The tests' database as a new user sees it.
    ///
    /// - Parameters:
    ///   - user: The user's name.
    ///   - isSecond: Whether the second endpoint is asked.
    func database(of user: String, atSecond isSecond: Bool = false) async throws -> HTTPReplica {
        let password = "a password of the tests"
        _ = try await administrator.ask(
            "PUT",
            "/_fullsync/users/\(user)",
            ["password": .string(password), "groups": []]
        )
        let server = try FullSyncServer(address: isSecond ? secondHTTP : http)
        try await patiently { _ = try await server.login(name: user, password: password) }
        return server.database(FaultProject.documents)
    }
}
