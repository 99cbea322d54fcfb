import Foundation
import PrivateServers
import TestSupport
import Testing

/// The two servers, through the face that they share.
@Suite(.serialized, .timeLimit(.minutes(30))) struct PrivateServerTests {
    enum Kind: String, CaseIterable, Sendable {
        case postgreSQL
        case rabbitMQ

        func server(in directory: String) -> any PrivateServer {
            switch self {
            case .postgreSQL:
                PrivatePostgreSQL(.init(directory: directory, databases: ["one", "two"], patience: .seconds(600)))
            case .rabbitMQ:
                PrivateRabbitMQ(.init(directory: directory, patience: .seconds(600)))
            }
        }
    }

    @Test(arguments: Kind.allCases)
    func `it starts, keeps what it holds, and leaves no process behind`(_ kind: Kind) async throws {
        let directory = TestDirectory.make(kind.rawValue)
        let server = kind.server(in: directory)
        let first = try await server.start { _ in }
        try await Probe.use(first, writing: true)
        await server.stop()
        #expect(await server.pid == nil)
        try await expectNothingRuns(in: directory)

        let again = kind.server(in: directory)
        let second = try await again.start { _ in }
        try await Probe.use(second, writing: false)
        await again.stop()
        try await expectNothingRuns(in: directory)
    }

    @Test(arguments: Kind.allCases)
    func `after kill -9 it starts again at the same address with what it held`(_ kind: Kind) async throws {
        let directory = TestDirectory.make(kind.rawValue)
        let server = kind.server(in: directory)
        let address = try await server.start { _ in }
        try await Probe.use(address, writing: true)
        if kind == .rabbitMQ { try await Probe.waitUntilQueueIsOnDisk(directory) }
        let process = try #require(await server.pid.flatMap { ProcessIdentity(pid: $0) })
        process.send(.kill)
        #expect(await server.waitForExit() == .signal(9))

        #expect(try await server.start { _ in } == address)
        try await Probe.use(address, writing: false)
        await server.stop()
        try await expectNothingRuns(in: directory)
    }

    @Test func `a queue that was declared just before kill -9 takes messages after it`() async throws {
        let directory = TestDirectory.make("rabbitMQ")
        let server = Kind.rabbitMQ.server(in: directory)
        let address = try await server.start { _ in }
        try await Probe.declare(address)
        try #require(await server.pid.flatMap { ProcessIdentity(pid: $0) }).send(.kill)
        _ = await server.waitForExit()
        #expect(try await server.start { _ in } == address)
        try await Probe.use(address, writing: true)
        try await Probe.use(address, writing: false)
        await server.stop()
    }

    @Test(arguments: Kind.allCases)
    func `a directory that another server uses is refused`(_ kind: Kind) async throws {
        let directory = TestDirectory.make(kind.rawValue)
        let server = kind.server(in: directory)
        let address = try await server.start { _ in }
        await #expect {
            try await kind.server(in: directory).start { _ in }
        } throws: { error in
            (error as? PrivateServerError)?.reason == .directoryInUse
        }
        try await Probe.use(address, writing: true)
        await server.stop()
    }

    @Test(arguments: Kind.allCases)
    func `two run beside each other, and each has its own password`(_ kind: Kind) async throws {
        let directories = [TestDirectory.make(kind.rawValue), TestDirectory.make(kind.rawValue)]
        let servers = directories.map { kind.server(in: $0) }
        async let first = servers[0].start { _ in }
        async let second = servers[1].start { _ in }
        let addresses = try await [first, second]
        for address in addresses { try await Probe.use(address, writing: true) }
        let passwords = addresses.compactMap { URLComponents(string: $0)?.password }
        #expect(Set(passwords).count == 2)
        for server in servers { await server.stop() }
        for directory in directories { try await expectNothingRuns(in: directory) }
    }

    @Test(arguments: Kind.allCases)
    func `a start that is cancelled leaves nothing running`(_ kind: Kind) async throws {
        let directory = TestDirectory.make(kind.rawValue)
        let server = kind.server(in: directory)
        let (progress, report) = AsyncStream.makeStream(of: String.self)
        let start = Task { try await server.start { report.yield($0) } }
        for await line in progress where line.hasSuffix("starting") { break }
        start.cancel()
        let result = await start.result
        await server.stop()
        try await expectNothingRuns(in: directory)
        // It may have been ready a moment earlier.
        if case .failure(let error) = result {
            #expect((error as? PrivateServerError)?.reason == .cancelled)
        }
    }

    /// Waits until no process names the directory: RabbitMQ's helpers end some moments behind it.
    private func expectNothingRuns(
        in directory: String,
        sourceLocation: SourceLocation = #_sourceLocation
    ) async throws {
        try await eventually("nothing runs any more", sourceLocation: sourceLocation) {
            ProcessTable.processes(naming: directory).isEmpty
        }
    }
}
