import Foundation
import Testing

/// Who may import whom: Package.swift says it, and every source file keeps to it.
@Suite struct ImportTests {
    @Test func `a file imports what its target's line in the manifest names`() async throws {
        let manifest = try await Manifest.shared
        #expect(manifest.targets.count > 20, "the manifest was not understood")
        for target in manifest.targets where target.kind != .system {
            let level = Level(of: target)
            let allowed = target.dependencies.union(level.systemModules)
            for source in Repository.sources(target.path) {
                let foreign = Set(source.imports).subtracting(allowed)
                #expect(
                    foreign.isEmpty,
                    "\(source.path) imports \(foreign.sorted()), which \(target.name) does not name"
                )
            }
        }
    }

    @Test func `targets depend on lower levels only`() async throws {
        let manifest = try await Manifest.shared
        for target in manifest.targets where target.kind != .test {
            let level = Level(of: target)
            for name in target.dependencies.sorted() {
                guard let dependency = manifest.target(name) else { continue }
                #expect(
                    level.mayStandOn(Level(of: dependency)),
                    "\(target.name) (\(level)) depends on \(name) (\(Level(of: dependency)))"
                )
            }
        }
    }

    @Test func `a C library is imported by its wrapper alone`() async throws {
        let manifest = try await Manifest.shared
        for library in manifest.targets where library.kind == .system {
            let importers = manifest.targets.filter { $0.kind != .test && $0.dependencies.contains(library.name) }
            #expect(importers.count == 1, "\(library.name) is a dependency of \(importers.map(\.name))")
        }
    }

    @Test func `HTTP's server is for those who speak it, YAML for projects, SQLite for the client`() async throws {
        let manifest = try await Manifest.shared
        let owners: [String: Set<String>] = [
            "Hummingbird": ["ReplicationEndpoint", "ServiceRuntime", "DemoERP"],
            "Yams": ["Projects"],
            // The tool measures the client beside plain inserts.
            "GRDB": ["FullSyncClient", "FullSyncTool"],
            "Configuration": ["Settings"],
            "ArgumentParser": ["FullSyncTool"],
        ]
        for (product, allowed) in owners {
            let users = manifest.targets.filter { $0.kind != .test && $0.dependencies.contains(product) }.map(\.name)
            #expect(Set(users).isSubset(of: allowed), "\(product) is a dependency of \(users)")
        }
    }

    @Test(arguments: [
        ("import JSON", "JSON"),
        ("package import JSON", "JSON"),
        ("@testable import JSON", "JSON"),
        ("@preconcurrency internal import JSON", "JSON"),
        ("import struct Foundation.Date", "Foundation"),
    ])
    func `every form of an import is seen`(_ line: String, _ module: String) {
        #expect(Source(path: "", text: line).imports == [module])
    }

    @Test func `what only looks like an import is none`() {
        #expect(Source(path: "", text: "// import JSON\nlet important = 1").imports.isEmpty)
    }
}
