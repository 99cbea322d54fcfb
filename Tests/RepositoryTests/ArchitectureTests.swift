import Foundation
import Testing

/// ARCHITECTURE.md names what there is.
@Suite struct ArchitectureTests {
    @Test func `every module has its place in the layers`() async throws {
        let text = try String(contentsOfFile: "\(Repository.root)/ARCHITECTURE.md", encoding: .utf8)
        let sections = text.components(separatedBy: "\n## ")
        let layers = try #require(sections.first { $0.hasPrefix("Layers\n") })
        let modules = try await Manifest.shared.targets.filter { $0.path.hasPrefix("Shared/") }
        #expect(modules.count > 20, "the manifest was not understood")
        for module in modules { #expect(layers.contains("`\(module.name)`"), "no layer names \(module.name)") }
    }
}
