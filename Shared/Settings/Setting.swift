/// One setting of a process: its key, its type, its default, and what it is for.
///
/// The key `postgres.url` is the variable `FULLSYNC_POSTGRES_URL` and the member `url` of `postgres` in the
/// configuration file; `worker.maximumRuns` is `FULLSYNC_WORKER_MAXIMUM_RUNS`.
///
/// ```swift
/// enum WorkerSettings {
///     static let concurrency = Setting("worker.concurrency", .int(1...1_000), default: 16, "Runs at once.")
///     static let all: [any SettingDeclaration] = [concurrency]
/// }
/// ```
package struct Setting<Value: Sendable>: Sendable {
    package let key: String
    package let type: SettingType<Value>
    /// The value when the setting is nowhere; nil when the setting is required.
    package let defaultValue: Value?
    package let summary: String

    /// A setting that may be left out.
    package init(_ key: String, _ type: SettingType<Value>, default: Value, _ summary: String) {
        self.key = key
        self.type = type
        defaultValue = .some(`default`)
        self.summary = summary
    }

    /// A setting without which the process does not start.
    package init(required key: String, _ type: SettingType<Value>, _ summary: String) {
        self.key = key
        self.type = type
        defaultValue = nil
        self.summary = summary
    }
}

/// A setting of any type: what help and the check at start need to know of it.
package protocol SettingDeclaration: Sendable {
    /// The dotted name, as in the configuration file.
    var key: String { get }
    /// One sentence on what the setting decides.
    var summary: String { get }
    /// What a right value looks like.
    var expected: String { get }
    /// Whether the value is never shown, and may come from a file.
    var isSecret: Bool { get }
    /// The default as text; nil when the setting is required.
    var defaultText: String? { get }

    /// Reads the setting and throws what is wrong with it.
    func check(in reader: SettingReader) throws(SettingError)
}

extension Setting: SettingDeclaration {
    package var expected: String { type.expected }

    package var isSecret: Bool { type.isSecret }

    package var defaultText: String? { defaultValue.map(type.format) }

    package func check(in reader: SettingReader) throws(SettingError) {
        _ = try reader[self]
    }
}

extension SettingDeclaration {
    /// The name of the environment variable.
    package var variable: String { SettingName.variable(ofKey: key) }

    /// The name of the environment variable that names a file with the value, for secrets.
    package var fileVariable: String? { isSecret ? variable + SettingName.fileSuffix : nil }
}

/// How keys and variables are named.
package enum SettingName {
    /// What every variable of ours begins with.
    package static let prefix = "FULLSYNC_"
    /// What a variable ends with that names a file with a secret.
    package static let fileSuffix = "_FILE"

    /// The variable of a key: a dot, and the step from a small to a capital letter, become `_`.
    static func variable(ofKey key: String) -> String {
        var name = prefix
        var previous: Character = "_"
        for character in key {
            if previous.isLowercase, character.isUppercase { name.append("_") }
            name.append(character.isLetter || character.isNumber ? character.uppercased() : "_")
            previous = character
        }
        return name
    }
}
