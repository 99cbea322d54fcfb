package import JSON
package import Sequences

/// A whole project: what it declares, parsed and checked, with its symbols filled in.
///
/// Holds the values of secret symbols where connectors need them: never log or store one; the files are what is stored.
package struct Project: Sendable {
    package let name: String
    package var description: String?
    /// The sequence behind `POST /_session` and Basic credentials; nil for the built-in user directory.
    package var login: String?
    /// What expressions see as `symbols`: the values of those that are not secret.
    package var symbols: JSONObject
    package var connectors: [String: Connector]
    package var sequences: [String: SequenceDefinition]
    package var listeners: [String: Listener]
    package var jobs: [String: Job]
    /// The notifications of back ends, by the last part of their routing key.
    package var notifications: [String: NotificationRule]
    package var databases: [String: DatabaseDefinition]
    /// The texts of the modules that all expressions may `require`, by name.
    package var modules: JSONObject
    /// What `fullsync test` calls, in the order of the files.
    package var tests: [TestCase]
    /// SHA-256 of the files' names and contents, in hexadecimal: the same for the same files everywhere, whatever the
    /// symbols' values.
    package let digest: String

    /// The sequences that are listed to callers, in the order of their names.
    package var publicSequences: [SequenceDefinition] {
        sequences.values.filter { $0.access == .public }.sorted { $0.name < $1.name }
    }

    /// A project without content, for a reader to fill.
    init(name: String, digest: String) {
        self.name = name
        self.digest = digest
        symbols = [:]
        connectors = [:]
        sequences = [:]
        listeners = [:]
        jobs = [:]
        notifications = [:]
        databases = [:]
        modules = [:]
        tests = []
    }
}

extension Project: SequenceLibrary {
    package func sequence(_ name: String, inProject project: String) -> SequenceDefinition? {
        project == self.name ? sequences[name] : nil
    }

    package func symbols(ofProject project: String) -> JSONObject {
        project == name ? symbols : [:]
    }
}

extension Project: CustomReflectable {
    /// The name and the version alone: the content may hold secrets.
    package var customMirror: Mirror { Mirror(self, children: ["name": name, "digest": digest]) }
}
