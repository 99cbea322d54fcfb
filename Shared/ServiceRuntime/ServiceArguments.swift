import Settings

/// What the command line of a service asks for; everything else is a setting.
enum ServiceArguments: Hashable {
    case run
    case help
    case version
    /// Ask the running service of this host whether it is ready.
    case check
    case unknown(String)

    init(_ arguments: [String]) {
        switch arguments.first {
        case nil: self = .run
        case "--help"?, "-h"?: self = .help
        case "--version"?: self = .version
        case "--check"?: self = .check
        case let other?: self = .unknown(other)
        }
    }
}

extension ServiceDescription {
    /// What `--help` prints.
    var help: String {
        var text = """
            \(name): \(summary)

            Usage: \(name) [--help | --version | --check]
              --check    exits with 0 when the service that runs on this host is ready, with 1 when it is not;
                         FULLSYNC_OPERATIONS_PORT must be set

            Settings, by environment variable or by key in the configuration file:

            """
        for setting in declarations {
            let name = setting.fileVariable.map { "\(setting.variable) or \($0)" } ?? setting.variable
            let value = setting.defaultText.map { "default \($0)" } ?? "required"
            text += """

                  \(name)
                      \(setting.summary) \(setting.key): \(setting.expected); \(value)

                """
        }
        return text
    }
}
