import Foundation
import TestSupport
import Testing

/// The house's rules that a file shows by itself.
@Suite struct SourceRuleTests {
    @Test func `there are sources to look at`() {
        #expect(Repository.allSources.count > 50)
    }

    @Test func `files stay below 500 lines, and lines within 120 characters`() {
        for source in Repository.allSources {
            #expect(source.lines.count <= 500, "\(source.path) has \(source.lines.count) lines")
            let long = source.path.hasPrefix("Tests/") ? longLinesBesidesLiterals(of: source) : longLines(of: source)
            for index in long { Issue.record("\(source.path):\(index + 1) is longer than 120 characters") }
        }
    }

    private func longLines(of source: Source) -> [Int] {
        source.lines.indices.filter { source.lines[$0].count > 120 }
    }

    /// A test's input may be one long literal, which nobody should have to break.
    private func longLinesBesidesLiterals(of source: Source) -> [Int] {
        var stripper = LiteralStripper()
        let code = source.lines.map { stripper.strip($0) }
        return longLines(of: source).filter { index in
            let isComment = source.lines[index].drop { $0 == " " }.hasPrefix("//")
            return isComment || code[index].count == source.lines[index].count || code[index].count > 120
        }
    }

    @Test func `functions stay below 70 lines`() {
        for source in Repository.allSources {
            for function in FunctionLengths.of(source) where function.length >= 70 {
                Issue.record("\(source.path):\(function.line) \(function.name) has \(function.length) lines")
            }
        }
    }

    @Test func `a program's main file only composes`() {
        let mains = Repository.allSources.filter { $0.path.hasSuffix("/Main.swift") }
        #expect(!mains.isEmpty)
        for main in mains {
            #expect(main.lines.count <= 26, "\(main.path) has \(main.lines.count) lines")
        }
    }

    @Test func `unchecked sharing is for wrappers, with its reason on the line`() {
        for source in Repository.allSources {
            var stripper = LiteralStripper()
            for (index, line) in source.lines.enumerated() {
                let code = stripper.strip(line)
                guard ["@unchecked Sendable", "nonisolated(unsafe)"].contains(where: code.contains) else { continue }
                let place = "\(source.path):\(index + 1)"
                #expect(line.contains("// because "), "\(place) does not say why it may")
                #expect(source.path.hasPrefix("Shared/"), "\(place) is no wrapper")
            }
        }
    }

    @Test func `nothing is left for later`() {
        let words = ["TO" + "DO", "FIX" + "ME", "X" + "XX", "HA" + "CK"]
        for source in Repository.allSources {
            for (index, line) in source.lines.enumerated() {
                guard let word = words.first(where: line.contains) else { continue }
                // Not as a part of another word.
                let isWord = line.split { !$0.isLetter }.contains { $0 == word }
                #expect(!isWord, "\(source.path):\(index + 1) has \(word)")
            }
        }
    }

    @Test func `what is built is not kept in git`() async throws {
        guard FileManager.default.fileExists(atPath: Repository.root + "/.git") else { return }
        let tracked = try await CommandFailure.check(
            "/usr/bin/env",
            ["git", "-c", "safe.directory=*", "-C", Repository.root, "ls-files"],
            environment: ProcessInfo.processInfo.environment
        )
        let built = tracked.filter { path in
            path.split(separator: "/").contains { $0 == ".build" || $0 == "Package.resolved" || $0 == ".fullsync" }
        }
        #expect(built.isEmpty)
    }

    @Test func `functions are measured whatever stands in their literals`() {
        let text = """
            func one() {
                let brace = "}"  // }
                let other = "\\(brace("}"))"
            }
            struct Two {
                init() {}
                func three(
                    _ value: Int
                ) -> Int { value }
            }
            """
        let functions = FunctionLengths.of(Source(path: "", text: text))
        #expect(
            functions == [
                .init(line: 1, name: "one", length: 4),
                .init(line: 6, name: "init", length: 1),
                .init(line: 7, name: "three", length: 3),
            ]
        )
    }
}
