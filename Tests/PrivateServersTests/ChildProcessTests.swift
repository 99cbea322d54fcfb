import Foundation
import Glibc
import PrivateServers
import Synchronization
import TestSupport
import Testing

@Suite struct ChildProcessTests {
    @Test func `the exit code and the output of a child arrive`() async throws {
        let log = LogFile(TestDirectory.make() + "/log")
        let command = Command("/bin/sh", ["-c", "echo one; echo two >&2; exit 7"], output: .appended(to: log.path))
        let status = try await ChildProcess.start(command).waitForExit()
        #expect(status == .code(7))
        #expect(log.lastLines() == ["one", "two"])
    }

    @Test func `a child gets the environment and the directory that it is given, and no more`() async throws {
        let log = LogFile(TestDirectory.make() + "/log")
        let command = Command(
            "/bin/sh",
            ["-c", "pwd; /usr/bin/env | grep -v -E '^(PWD|SHLVL|_|OLDPWD)='; ls -l /proc/$$/fd"],
            environment: ["COLOUR": "red"],
            directory: "/usr",
            output: .appended(to: log.path)
        )
        // Open as what does not care for children opens it.
        let file = TestDirectory.make() + "/file"
        let descriptor = open(file, O_RDONLY | O_CREAT, 0o600)
        try #require(descriptor >= 0)
        defer { close(descriptor) }
        #expect(try await ChildProcess.start(command).waitForExit().isSuccess)
        let lines = log.lastLines(1_000)
        #expect(lines.prefix(2) == ["/usr", "COLOUR=red"])
        #expect(lines.contains { $0.hasSuffix("1 -> \(log.path)") }, "its own output is open: \(lines)")
        #expect(!lines.contains { $0.hasSuffix(file) }, "\(lines)")
    }

    @Test func `what another thread opens while a child starts is not the child's`() async throws {
        let directory = TestDirectory.make()
        let (file, log) = (directory + "/file", LogFile(directory + "/log"))
        let script = "for name in /proc/$$/fd/*; do readlink $name; done; true"
        let command = Command("/bin/sh", ["-c", script], output: .appended(to: log.path))
        let opener = Opener(file)
        for _ in 0..<50 { #expect(try await ChildProcess.start(command).waitForExit().isSuccess) }
        await opener.stop()
        let lines = log.lastLines(100_000)
        #expect(lines.contains(log.path))
        #expect(!lines.contains(file))
    }

    @Test func `a program that does not exist is an exit code`() async throws {
        #expect(try await ChildProcess.start(Command("/nowhere/program")).waitForExit() == .code(127))
    }

    @Test func `a child that ignores SIGTERM is killed, and what it started with it`() async throws {
        let directory = TestDirectory.make()
        let script =
            "trap '' TERM; sleep 1000 & echo $! > \(directory)/grandchild; echo READY > \(directory)/ready; wait"
        let child = try await ChildProcess.start(Command("/bin/sh", ["-c", script, directory]))
        try await eventually("the script is under way") {
            FileManager.default.fileExists(atPath: directory + "/ready")
        }
        let pid = try #require(TextFile.firstLine(of: directory + "/grandchild").flatMap { Int32($0) })
        let grandchild = try #require(ProcessIdentity(pid: pid))
        #expect(await child.end([(.terminate, .milliseconds(50))]) == .signal(9))
        #expect(await grandchild.hasEnded(within: .seconds(120)))
    }

    @Test func `everybody who waits for a child learns of its end`() async throws {
        let child = try await ChildProcess.start(Command("/bin/sleep", ["1000"]))
        await withTaskGroup(of: ChildProcess.ExitStatus.self) { group in
            for _ in 0..<10 { group.addTask { await child.waitForExit() } }
            child.send(.terminate)
            for await status in group { #expect(status == .signal(15)) }
        }
        #expect(child.exit == .signal(15))
    }

    @Test func `an identity is of one process only`() async throws {
        let child = try await ChildProcess.start(Command("/bin/sleep", ["1000"]))
        let identity = try #require(ProcessIdentity(pid: child.pid))
        #expect(identity.isRunning)
        #expect(ProcessIdentity(identity.description) == identity)
        #expect(ProcessIdentity("\(identity.pid) \(identity.startTicks + 1)")?.isRunning == false)
        await child.end([(.terminate, .seconds(10))])
        #expect(!identity.isRunning)
    }
}

/// A thread that opens and closes a file without a pause, as what does not care for children does.
private final class Opener: Sendable {
    private let isOver = Atomic(false)
    private let (end, ending) = AsyncStream.makeStream(of: Never.self)

    init(_ file: String) {
        Thread.detachNewThread { [self] in
            while !isOver.load(ordering: .relaxed) { close(open(file, O_RDONLY | O_CREAT, 0o600)) }
            ending.finish()
        }
    }

    func stop() async {
        isOver.store(true, ordering: .relaxed)
        for await _ in end {}
    }
}
