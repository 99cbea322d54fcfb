import Foundation
import JSON
import Sequences
import Testing

@testable import Projects

/// The examples of CONNECTORS.md.
@Suite struct ConnectorExampleTests {
    @Test func `every example is a right connector, by the check and by the schema`() throws {
        let examples = try Self.examples()
        #expect(Set(examples.map(\.type)).isSuperset(of: ["http", "sql", "ldap", "amqp", "smtp"]))
        for example in examples {
            #expect(throws: Never.self) { try Self.project(example.text) }
            let schema = SchemaChecker(root: .object(ProjectSchema.connector.document))
            #expect(schema.accepts(try #require(Self.value(example.text))), "\(example.type)")
        }
    }

    @Test func `every kind of connector is known to the schema with all that it reads`() throws {
        let shapes = try #require(ProjectSchema.connector.document["anyOf"]?.arrayValue)
        for (type, members) in [
            "http": ["baseUrl", "authentication", "tls", "proxy", "cookies", "addresses"],
            "sql": ["engine", "file", "host", "password", "rowLimit", "driver", "certificateAuthority"],
            "ldap": ["host", "bind", "base", "startTLS"], "amqp": ["virtualHost", "password"],
        ] {
            let shape = try #require(shapes.first { $0["properties"]?["type"]?["const"] == .string(type) })
            for member in members + ["transactions", "timeout"] {
                #expect(shape["properties"]?[member] != nil, "\(type) \(member)")
            }
        }
    }

    private static func project(_ connector: String) throws(ProjectProblems) -> Project {
        let names = Set(connector.matches(of: /\$\{([A-Z_]+)\}/).map { String($0.1) })
        let symbols = names.sorted().map { "  \($0): {secret: true}\n" }.joined()
        return try Project.read([
            "project.yaml": "project: p\nsymbols:\n\(symbols)", "connectors/x.yaml": connector,
        ]) { $0.hasSuffix("_URL") ? "https://erp.example.com" : "x" }
    }

    private static func value(_ text: String) -> JSONValue? {
        // A file in which no symbols are replaced.
        var source = YAMLSource(
            file: "sequences/x.yaml",
            text: text,
            symbols: SymbolTable(),
            problems: ProblemCollector()
        )
        return source.read()?.json
    }

    private static func examples() throws -> [(type: String, text: String)] {
        let page = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent().appending(path: "CONNECTORS.md")
        let text = try String(contentsOf: page, encoding: .utf8)
        return text.split(separator: "```yaml\n").dropFirst().compactMap { piece in
            guard let code = piece.split(separator: "```").first, code.hasPrefix("type: ") else { return nil }
            return (String(code.dropFirst(6).prefix { !$0.isNewline }), String(code))
        }
    }
}
