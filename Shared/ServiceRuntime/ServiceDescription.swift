package import Settings

/// What a service is, as its help shows it and its start needs it.
package struct ServiceDescription: Sendable {
    /// A server that a service cannot work without.
    package enum Need: Hashable, Sendable {
        /// PostgreSQL, at the URL that this setting has.
        case postgres(Setting<Secret>)
        /// RabbitMQ, at ``CommonSettings/amqpURL``.
        case amqp

        /// PostgreSQL as Full Sync's master document store.
        package static let postgres = Need.postgres(CommonSettings.postgresURL)

        package static func == (lhs: Need, rhs: Need) -> Bool {
            lhs.declarations.map(\.key) == rhs.declarations.map(\.key)
        }

        package func hash(into hasher: inout Hasher) {
            hasher.combine(declarations.map(\.key))
        }

        /// The settings that say where the server is.
        var declarations: [any SettingDeclaration] {
            switch self {
            case .postgres(let url): [url, CommonSettings.postgresConnections]
            case .amqp: [CommonSettings.amqpURL]
            }
        }
    }

    /// The executable's name.
    package let name: String
    /// One or two sentences on what it does.
    package let summary: String
    /// What must be reachable before it is ready.
    package let needs: Set<Need>
    /// Whether it announces a public HTTP address of its own, ``ServiceContext/announceHTTP(_:)``.
    package let speaksHTTP: Bool
    /// The settings of its own.
    package let settings: [any SettingDeclaration]

    package init(
        name: String,
        summary: String,
        needs: Set<Need>,
        speaksHTTP: Bool = false,
        settings: [any SettingDeclaration] = []
    ) {
        self.name = name
        self.summary = summary
        self.needs = needs
        self.speaksHTTP = speaksHTTP
        self.settings = settings
    }

    /// All that can be set: the service's own settings, those of its servers, and those of every process.
    var declarations: [any SettingDeclaration] {
        let servers = needs.flatMap(\.declarations).sorted { $0.key < $1.key }
        return settings + servers + CommonSettings.ofEveryProcess
    }

    /// The setting with the database's URL, when the service needs a database.
    var postgresURL: Setting<Secret>? {
        for case .postgres(let url) in needs { return url }
        return nil
    }
}
