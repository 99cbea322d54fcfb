import Foundation
import JSON
import Sequences
import Testing

@testable import Projects

/// `PROJECTS.md` names all that a project can say.
@Suite struct ReferenceTests {
    private static let text: String = {
        let root = URL(filePath: #filePath).deletingLastPathComponent().deletingLastPathComponent()
            .deletingLastPathComponent()
        return (try? String(contentsOf: root.appending(path: "PROJECTS.md"), encoding: .utf8)) ?? ""
    }()

    @Test(arguments: StepCatalogue.all.map { $0.keyword })
    func `a step is named`(keyword: String) {
        #expect(Self.text.contains("`\(keyword)`"))
    }

    @Test(arguments: FullSyncTransaction.allCases.map(\.rawValue))
    func `a transaction is named`(name: String) {
        #expect(Self.text.contains("`\(name)`"))
    }

    @Test(arguments: ConnectorType.allCases.map(\.rawValue))
    func `a type of connector is named`(name: String) {
        #expect(Self.text.contains("| `\(name)` |"))
    }

    @Test(arguments: [ProjectSchema.project, .sequence, .listener, .job, .test, .database])
    func `every member of a file is named`(kind: ProjectSchema) throws {
        let members = try #require(kind.document["properties"]?.objectValue?.names)
        for member in members where member != "description" {
            #expect(Self.text.contains("`\(member)`"), "\(kind): \(member)")
        }
    }
}
