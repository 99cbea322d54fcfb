import Foundation
import PrivateServers
import TestSupport
import Testing

extension SystemTests {
    /// The guide, followed to the letter: each of its commands is run, and prints what the guide says.
    @Suite(.timeLimit(.minutes(30))) struct GuideTests {
        /// Commands of the guide, and lines that they print parts of.
        private struct Block {
            let commands: String
            var expected: [Substring] = []
        }

        @Test func `every command of the guide does what it says`() async throws {
            let system = try await RunningSystem.shared
            let blocks = Self.blocks(in: try TextFile.read(try Self.guide()))
            try #require(blocks.count > 10)
            let directory = TestDirectory.make("guide")
            // Where the guide finds the programs of a release.
            try FileManager.default.createDirectory(atPath: directory + "/.build", withIntermediateDirectories: true)
            try FileManager.default.createSymbolicLink(
                atPath: directory + "/.build/release",
                withDestinationPath: Executables.directory
            )
            let mark = "===== next ====="
            let script = blocks.map(\.commands).joined(separator: "echo '\(mark)'\n")
            try TextFile.replace(directory + "/guide.sh", with: "set -eu\n" + script)
            let port = try #require(URLComponents(string: system.http)?.port)
            let lines = try await CommandFailure.check(
                "/usr/bin/bash",
                ["-c", "cd '\(directory)' && exec bash guide.sh 2>&1"],
                environment: [
                    "PATH": "/usr/bin:/bin", "LC_ALL": "C.UTF-8", "FULLSYNC_HOME": system.home,
                    "FULLSYNC_PORT": String(port),
                ]
            )
            let outputs = lines.split(separator: mark, omittingEmptySubsequences: false)
            try #require(outputs.count == blocks.count)
            for (block, output) in zip(blocks, outputs) {
                for line in block.expected {
                    #expect(output.contains { $0.contains(line) }, "\(block.commands) printed no '\(line)': \(output)")
                }
            }
        }

        @Test func `the demo's own test cases hold on the running system`() async throws {
            let system = try await RunningSystem.shared
            let demo = (try Self.guide() as NSString).deletingLastPathComponent + "/compose/demo/field-service"
            let port = try #require(URLComponents(string: system.http)?.port)
            let lines = try await CommandFailure.check(
                Executables.path("fullsync"),
                ["test", demo, "--running"],
                environment: ["PATH": "/usr/bin:/bin", "FULLSYNC_HOME": system.home, "FULLSYNC_PORT": String(port)]
            )
            #expect(lines.last == "4 cases, all as expected.", "\(lines)")
        }

        /// The blocks of `sh`, each with the one of `text` behind it.
        private static func blocks(in text: String) -> [Block] {
            var blocks: [Block] = []
            var language: Substring?
            var content: [Substring] = []
            for line in text.split(separator: "\n", omittingEmptySubsequences: false) {
                guard line.hasPrefix("```") else {
                    content.append(line)
                    continue
                }
                switch language {
                case nil: language = line.dropFirst(3)
                case "sh"?: blocks.append(Block(commands: content.joined(separator: "\n") + "\n"))
                case "text"? where !blocks.isEmpty: blocks[blocks.count - 1].expected += content
                default: break
                }
                if line != "```" { content = [] } else { language = nil }
            }
            return blocks
        }

        /// The guide of the clone that the tests are built in.
        private static func guide() throws -> String {
            var directory = Executables.directory
            while directory.count > 1 {
                directory = (directory as NSString).deletingLastPathComponent
                let path = directory + "/GUIDE.md"
                if FileManager.default.fileExists(atPath: path) { return path }
            }
            throw CommandFailure(command: "GUIDE.md", lines: ["is above no directory of \(Executables.directory)"])
        }
    }
}
