import Foundation
import JSON
import Sequences
import Testing

@testable import Projects

@Suite struct SchemaTests {
    /// The value of a YAML file, with symbols as they stand; nil for one that cannot be read.
    private static func value(_ text: String) -> JSONValue? {
        // A file in which no symbols are replaced.
        let problems = ProblemCollector()
        var source = YAMLSource(file: "sequences/x.yaml", text: text, symbols: SymbolTable(), problems: problems)
        let node = source.read()
        return problems.problems.isEmpty ? node?.json : nil
    }

    private static func kind(of path: String) -> ProjectSchema? {
        let parts = path.split(separator: "/")
        return switch (parts.first, parts.count) {
        case ("project.yaml", 1): .project
        case ("databases", 3) where path.hasSuffix("/database.yaml"): .database
        case (let folder?, 2): ProjectSchema(rawValue: String(folder.dropLast()))
        default: nil
        }
    }

    private static func accepts(_ text: String, at path: String) throws -> Bool? {
        guard let kind = kind(of: path), let value = value(text) else { return nil }
        return SchemaChecker(root: .object(kind.document)).accepts(value)
    }

    @Test func `every file of right projects is right by its schema`() throws {
        var checked = 0
        for (path, text) in ShopProject.files where path.hasSuffix(".yaml") {
            #expect(try Self.accepts(text, at: path) == true, "\(path)")
            checked += 1
        }
        let demo = try Self.demo()
        for (path, text) in demo where Self.kind(of: path) != nil {
            #expect(try Self.accepts(text, at: path) == true, "\(path)")
            checked += 1
        }
        #expect(checked > 20)
    }

    @Test func `unknown members and words are wrong by the schema, too`() throws {
        var found = 0
        for wrong in WrongProjects.all
        where ["unknown member", "unknown step", "must be one of", "must be true or false"].contains(where: {
            wrong.problem.contains($0)
        }) && !wrong.problem.contains("cannot be called so") {
            for (path, text) in wrong.changes {
                guard let text, let accepted = try Self.accepts(text, at: path) else { continue }
                #expect(!accepted, "\(wrong.problem)")
                found += 1
            }
        }
        #expect(found > 15, "\(found)")
    }

    @Test func `every step is in the schema of sequences, with what it reads`() throws {
        let document = JSONValue.object(ProjectSchema.sequence.document)
        let steps = try #require(document["$defs"]?["step"]?["anyOf"]?.arrayValue)
        #expect(steps.count == StepCatalogue.all.count)
        for (step, kind) in zip(steps, StepCatalogue.all) {
            #expect(step["required"] == [.string(kind.keyword)])
            #expect(step["properties"]?[kind.keyword] != nil, "\(kind.keyword)")
            #expect(step["properties"]?["when"] != nil)
        }
        #expect(document["properties"]?["access"]?["anyOf"]?.arrayValue?.first?["enum"]?.arrayValue?.first == "public")
    }

    /// The demo's project, which uses all of the format.
    private static func demo() throws -> [(path: String, text: String)] {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "compose/demo/field-service")
        let paths = FileManager.default.enumerator(atPath: root.path)?.compactMap { $0 as? String } ?? []
        return try paths.filter { $0.hasSuffix(".yaml") }.map {
            ($0, try String(contentsOf: root.appending(path: $0), encoding: .utf8))
        }
    }
}
