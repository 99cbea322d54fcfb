import Foundation
import PrivateServers
import TestSupport
import Testing

@Suite struct FilesTests {
    @Test func `a secret is made once, for its owner alone`() throws {
        let path = TestDirectory.make() + "/secret"
        let secret = try TextFile.secret(at: path)
        #expect(secret.count == 32)
        #expect(try TextFile.secret(at: path) == secret)
        let attributes = try FileManager.default.attributesOfItem(atPath: path)
        #expect((attributes[.posixPermissions] as? NSNumber)?.intValue == 0o600)
    }

    @Test func `a directory is locked for one holder until that one lets go`() throws {
        let directory = TestDirectory.make()
        do {
            let first = try DirectoryLock.take(directory)
            #expect(try !isFree(directory))
            withExtendedLifetime(first) {}
        }
        #expect(try isFree(directory))
    }

    /// Whether the lock of the directory can be had.
    private func isFree(_ directory: String) throws -> Bool {
        switch try DirectoryLock.take(directory) {
        case .none: false
        case .some: true
        }
    }

    @Test func `a log is rotated at its limit and goes on in the same file`() async throws {
        let log = LogFile(TestDirectory.make() + "/log")
        let script = "for i in $(seq 2000); do echo line $i; done; echo READY; while :; do sleep 0.02; echo more; done"
        let child = try await ChildProcess.start(Command("/bin/sh", ["-c", script], output: .appended(to: log.path)))
        try await eventually("the first lines are written") { log.lastLines(2_000).contains("READY") }
        log.rotate(above: 10_000)
        #expect(LogFile(log.path + ".1").size > 10_000)
        try await eventually("the child writes on") { log.lastLines().contains("more") }
        #expect(log.size < 10_000)
        await child.end([(.terminate, .seconds(10))])
    }

    @Test func `a port that somebody listens on is not free`() async throws {
        let address = try await TestServers.postgres()
        let port = try #require(URLComponents(string: address)?.port)
        #expect(!FreePort.isFree(port))
        // Another server may take one in between.
        let drawn = try (0..<10).map { _ in try FreePort.any(for: .later) }
        #expect(drawn.contains(where: FreePort.isFree))
    }
}
