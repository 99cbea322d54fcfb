import Foundation

/// The programs of one PostgreSQL version, where Debian's packages put them.
struct PostgreSQLInstallation: Sendable {
    /// The oldest version that the stores are written for.
    static let oldestVersion = 15

    /// The major version.
    let version: Int

    /// The path of one of its programs.
    func program(_ name: String) -> String { "\(Self.root)/\(version)/bin/\(name)" }

    /// The installation of `version`, or the newest one when that is nil.
    static func find(_ version: Int?) -> PostgreSQLInstallation? {
        let versions = ((try? FileManager.default.contentsOfDirectory(atPath: root)) ?? []).compactMap { Int($0) }
        return versions.filter { version.map { [$0] }?.contains($0) ?? ($0 >= oldestVersion) }
            .sorted(by: >)
            .map { PostgreSQLInstallation(version: $0) }
            .first { FileManager.default.isExecutableFile(atPath: $0.program("postgres")) }
    }

    private static let root = "/usr/lib/postgresql"
}
