import Foundation

/// The programs of this package, built beside the tests.
package enum Executables {
    /// The directory that they are in.
    package static let directory: String = {
        // The test bundle is a program in the build directory; when SwiftPM's own helper runs it, its path is among
        // the arguments instead.
        let candidates = [try? FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")]
        let bundle = (candidates + CommandLine.arguments.map(Optional.some)).compactMap { $0 }
            .first { $0.hasSuffix(".xctest") }
        return (bundle ?? CommandLine.arguments[0]).split(separator: "/", omittingEmptySubsequences: false)
            .dropLast().joined(separator: "/")
    }()

    /// The path of the executable product `name`, for instance `script-host`.
    package static func path(_ name: String) -> String { "\(directory)/\(name)" }
}
