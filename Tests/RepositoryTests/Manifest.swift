import Foundation
import JSON
import TestSupport

/// The package as `swift package dump-package` describes it: the only statement of what may import what.
struct Manifest: Sendable {
    /// A target of ours.
    struct Target: Sendable {
        /// What a target is to the package.
        enum Kind: String, Sendable {
            case regular
            case executable
            case test
            case system
        }

        let name: String
        let kind: Kind
        /// Its directory, from the repository's root.
        let path: String
        /// The modules that its line names: targets of ours, and products of other packages.
        let dependencies: Set<String>
    }

    let targets: [Target]

    /// The manifest, read once for all tests.
    static var shared: Manifest {
        get async throws { try await reading.value }
    }

    private static let reading = Task { try await read() }

    /// Asks SwiftPM, without touching `Package.resolved` or the build that runs.
    private static func read() async throws -> Manifest {
        let output = try await CommandFailure.check(
            "/bin/sh",
            // What SwiftPM has to say besides goes to standard error.
            ["-c", "exec swift package --ignore-lock --package-path \"$0\" dump-package 2>/dev/null", Repository.root],
            environment: ProcessInfo.processInfo.environment
        )
        let value = try JSONValue(parsing: output.joined(separator: "\n"))
        return Manifest(targets: (value["targets"]?.arrayValue ?? []).compactMap(Target.init))
    }

    /// The target called `name`.
    func target(_ name: String) -> Target? {
        targets.first { $0.name == name }
    }
}

extension Manifest.Target {
    init?(_ value: JSONValue) {
        guard let name = value["name"]?.stringValue, let kind = value["type"]?.stringValue.flatMap(Kind.init),
            let path = value["path"]?.stringValue
        else { return nil }
        let dependencies = (value["dependencies"]?.arrayValue ?? []).compactMap { dependency in
            // `{"byName": ["JSON", null]}` or `{"product": ["Crypto", "swift-crypto", null, null]}`.
            ["byName", "product", "target"].lazy
                .compactMap { dependency[$0]?.arrayValue?.first?.stringValue }
                .first
        }
        self.init(name: name, kind: kind, path: path, dependencies: Set(dependencies))
    }
}
