/// What is wrong with one setting: its name, where it came from, what was expected, and what was found.
package struct SettingError: Error, Hashable, Sendable {
    /// Where a value stands, or should.
    package enum Source: Hashable, Sendable {
        case environment
        /// The file that a variable or a key names.
        case secretFile(path: String)
        case configurationFile(path: String)
        /// Nowhere: a required setting is missing.
        case nowhere
    }

    /// The environment variable's name, or the key when the value is of the configuration file.
    package let name: String
    package let source: Source
    /// What was expected, and what is wrong beyond that.
    package let expected: String
    /// What was found; nil when there was nothing, or when it is secret.
    package let found: String?

    package init(name: String, source: Source, expected: String, found: String? = nil) {
        self.name = name
        self.source = source
        self.expected = expected
        self.found = found.map { $0.count > Self.shownLength ? $0.prefix(Self.shownLength) + "…" : $0 }
    }

    /// How much of a wrong value is shown, in characters.
    private static let shownLength = 100
}

extension SettingError: CustomStringConvertible {
    package var description: String {
        let place =
            switch source {
            case .environment: "environment"
            case .secretFile(let path): "file \(path)"
            case .configurationFile(let path): "configuration file \(path)"
            case .nowhere: "not set"
            }
        return "\(name) (\(place)): expected \(expected)" + (found.map { ", found '\($0)'" } ?? "")
    }
}

/// Everything that is wrong with the settings of a process, so that one start shows it all.
package struct SettingErrors: Error, Hashable, Sendable, CustomStringConvertible {
    /// At least one error, in the order of the declarations.
    package let errors: [SettingError]

    package init(_ errors: [SettingError]) {
        self.errors = errors
    }

    package var description: String {
        errors.map(\.description).joined(separator: "\n")
    }
}
