import Configuration
import Foundation

/// The settings of this process, from the environment and from an optional configuration file.
///
/// The environment comes before the file, the file before the default. A variable that is empty counts as not set,
/// as compose files write them. A secret may also come from a file: `FULLSYNC_ADMIN_PASSWORD_FILE`, or the key
/// `admin.passwordFile` in the configuration file, names it, and the line end at its end is no part of the secret.
package struct SettingReader: Sendable {
    /// Names the configuration file.
    package static let configurationFile = Setting(
        "config.file",
        .optional(.string),
        default: nil,
        "A YAML or JSON file with settings; the environment comes before it."
    )

    private let environment: [String: String]
    private let variables: EnvironmentVariablesProvider
    private let file: ConfigurationFile?

    private struct ConfigurationFile: Sendable {
        let path: String
        let values: YAMLSnapshot
    }

    /// Reads the configuration file that the environment names, if it does.
    package init(environment: [String: String]) throws(SettingError) {
        self.environment = environment
        variables = EnvironmentVariablesProvider(environmentVariables: environment)
        let name = Self.configurationFile.variable
        guard let path = environment[name], !path.isEmpty else {
            file = nil
            return
        }
        let text = try Self.readText(path, name: name, limit: Self.maximumFileSize)
        do {
            // YAML has JSON within it, so one reader takes both.
            let values = try YAMLSnapshot(data: Data(text.utf8).bytes, providerName: path, parsingOptions: .default)
            file = ConfigurationFile(path: path, values: values)
        } catch {
            throw SettingError(
                name: name,
                source: .configurationFile(path: path),
                expected: "a YAML or JSON object of settings; \(error)"
            )
        }
    }

    /// The settings of the environment that this process was started with.
    package static func ofThisProcess() throws(SettingError) -> SettingReader {
        try SettingReader(environment: ProcessInfo.processInfo.environment)
    }

    /// The value of a setting: what is set, or the default.
    package subscript<Value>(setting: Setting<Value>) -> Value {
        get throws(SettingError) {
            guard let found = try lookUp(setting) else {
                guard let value = setting.defaultValue else {
                    throw SettingError(name: setting.variable, source: .nowhere, expected: setting.expected)
                }
                return value
            }
            guard let value = setting.type.parse(found.text) else {
                throw SettingError(
                    name: found.name,
                    source: found.source,
                    expected: setting.expected,
                    found: setting.isSecret ? nil : found.text
                )
            }
            return value
        }
    }

    /// Reads all these settings and throws everything that is wrong with them.
    package func check(_ declarations: [any SettingDeclaration]) throws(SettingErrors) {
        let errors = declarations.compactMap { declaration -> SettingError? in
            do throws(SettingError) {
                try declaration.check(in: self)
                return nil
            } catch {
                return error
            }
        }
        guard errors.isEmpty else { throw SettingErrors(errors) }
    }

    /// The value of a project's symbol: `FULLSYNC_SYMBOL_<name>`, `FULLSYNC_SYMBOL_<name>_FILE`, or the member of
    /// that name of `symbol` in the configuration file; nil when it is nowhere.
    package func symbol(_ name: String) throws(SettingError) -> Secret? {
        let setting = Setting("symbol.\(name)", .optional(.secret), default: nil, "")
        return try self[setting]
    }

    /// The names of the variables of ours that are in the environment.
    var ownVariables: [String] {
        environment.keys.filter { $0.hasPrefix(SettingName.prefix) }.sorted()
    }
}

extension SettingReader {
    /// A text that was set, with where it was.
    private struct Found {
        let text: String
        let name: String
        let source: SettingError.Source
    }

    private func lookUp(_ setting: some SettingDeclaration) throws(SettingError) -> Found? {
        if let text = environmentText(setting.variable) {
            if let other = setting.fileVariable, environmentText(other) != nil {
                throw SettingError(
                    name: setting.variable,
                    source: .environment,
                    expected: "the secret itself or the name of its file in \(other), not both"
                )
            }
            return Found(text: text, name: setting.variable, source: .environment)
        }
        if let variable = setting.fileVariable, let path = environmentText(variable) {
            return try secret(of: variable, path: path)
        }
        if let found = try configured(setting.key, setting) { return found }
        guard setting.isSecret, let path = try configured(setting.key + "File", setting) else { return nil }
        return try secret(of: path.name, path: path.text)
    }

    private func environmentText(_ variable: String) -> String? {
        let text = try? variables.environmentValue(forName: variable)
        return text.flatMap { $0.isEmpty ? nil : $0 }
    }

    private func configured(_ key: String, _ setting: some SettingDeclaration) throws(SettingError) -> Found? {
        guard let file else { return nil }
        let components = key.split(separator: ".").map(String.init)
        let source = SettingError.Source.configurationFile(path: file.path)
        do {
            let value = try file.values.value(forKey: AbsoluteConfigKey(components), type: .string).value
            guard case .string(let text)? = value?.content, !text.isEmpty else { return nil }
            return Found(text: text, name: key, source: source)
        } catch {
            throw SettingError(name: key, source: source, expected: setting.expected, found: "a list")
        }
    }

    private func secret(of name: String, path: String) throws(SettingError) -> Found {
        var text = try Self.readText(path, name: name, limit: Self.maximumSecretSize)
        if text.last?.isNewline == true { text.removeLast() }
        let source = SettingError.Source.secretFile(path: path)
        guard !text.isEmpty else {
            throw SettingError(name: name, source: source, expected: "a file that is not empty")
        }
        return Found(text: text, name: name, source: source)
    }

    /// The most bytes that a secret's file may have.
    private static let maximumSecretSize = 65_536
    /// The most bytes that the configuration file may have.
    private static let maximumFileSize = 1_048_576

    private static func readText(_ path: String, name: String, limit: Int) throws(SettingError) -> String {
        let bytes: Data
        do {
            let handle = try FileHandle(forReadingFrom: URL(fileURLWithPath: path))
            defer { try? handle.close() }
            bytes = try handle.read(upToCount: limit + 1) ?? Data()
        } catch {
            throw SettingError(name: name, source: .secretFile(path: path), expected: "a file that can be read")
        }
        guard bytes.count <= limit, let text = String(validating: bytes, as: UTF8.self) else {
            throw SettingError(
                name: name,
                source: .secretFile(path: path),
                expected: "a UTF-8 text of at most \(limit) bytes"
            )
        }
        return text
    }
}

extension SettingReader: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// Nothing of what is set, as there are secrets in it, and whatever holds a reader may be logged.
    package var description: String { "SettingReader" }
    package var debugDescription: String { description }
    package var customMirror: Mirror { Mirror(self, children: []) }
}
