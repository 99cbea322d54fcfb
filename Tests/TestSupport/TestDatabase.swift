import Foundation
import PrivateServers
package import Testing

/// A PostgreSQL database of one test: empty at its start, dropped at its end.
///
/// ```swift
/// @Test(.database) func `a row is read back`() async throws {
///     let address = try TestDatabase.address
/// ```
package struct TestDatabase: Sendable {
    /// The name, which no other test has.
    package let name: String
    /// `postgres://…/<name>`.
    package let address: String
    private let server: String

    /// The address of the running test's database.
    ///
    /// - Throws: ``MissingTrait`` when the test does not have the trait `.database`.
    package static var address: String {
        get throws {
            guard let current else { throw MissingTrait(name: ".database") }
            return current.address
        }
    }

    @TaskLocal static var current: TestDatabase?

    /// Makes one.
    ///
    /// ``drop()`` it; the trait `.database` does both.
    package static func create() async throws -> TestDatabase {
        let server = try await TestServers.postgres()
        let name = "test_" + UUID().uuidString.replacingOccurrences(of: "-", with: "").lowercased()
        // Nobody is ever connected to that template, which would be in the way: the other one is vacuumed.
        try await psql(server, "CREATE DATABASE \(name) TEMPLATE template0")
        guard var address = URLComponents(string: server) else { throw CommandFailure(command: "URL", lines: []) }
        address.path = "/" + name
        return TestDatabase(name: name, address: address.string ?? server, server: server)
    }

    /// Ends its sessions and drops it.
    ///
    /// PostgreSQL gives up when a session does not end within five seconds, as on a machine that is busy.
    package func drop() async throws {
        try await eventually("the database \(name) is dropped", within: .seconds(300)) {
            do {
                try await Self.psql(server, "DROP DATABASE IF EXISTS \(name) WITH (FORCE)")
                return true
            } catch let failure as CommandFailure where failure.lines.contains(where: { $0.contains("other users") }) {
                return false
            }
        }
    }

    /// Runs one statement with `psql`, so that tests of the PostgreSQL wrapper do not rest on it.
    private static func psql(_ server: String, _ statement: String) async throws {
        try await CommandFailure.check(
            "/usr/bin/psql",
            ["--no-psqlrc", "--quiet", "--set=ON_ERROR_STOP=1", "--dbname=\(server)", "--command=\(statement)"]
        )
    }
}

/// A test that uses what only a trait provides must have the trait.
package struct MissingTrait: Error, CustomStringConvertible {
    package let name: String

    package var description: String { "This test or its suite needs the trait \(name)." }
}

/// Gives each test a database of its own: see ``TestDatabase``.
package struct DatabaseTrait: TestTrait, SuiteTrait, TestScoping {
    /// Whether a suite hands it on to its tests.
    package var isRecursive: Bool { true }

    /// Each test opens pools of its own, and the server has connections for so many: about ten for each.
    private static let turns = Turns(12)

    @concurrent package func provideScope(
        for test: Test,
        testCase: Test.Case?,
        performing function: @Sendable @concurrent () async throws -> Void
    ) async throws {
        guard testCase != nil else { return try await function() }
        await Self.turns.begin()
        try await attempt {
            let database = try await TestDatabase.create()
            try await attempt {
                try await TestDatabase.$current.withValue(database, operation: function)
            } finally: {
                try await database.drop()
            }
        } finally: {
            await Self.turns.end()
        }
    }
}

extension Trait where Self == DatabaseTrait {
    /// A PostgreSQL database for each test: see ``TestDatabase``.
    package static var database: DatabaseTrait { DatabaseTrait() }
}
