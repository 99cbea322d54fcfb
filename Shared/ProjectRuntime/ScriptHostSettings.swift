package import ScriptHosting
package import ServiceRuntime
package import Settings

/// How a service has its JavaScript evaluated.
package struct ScriptHostSettings: Sendable {
    private let hosts: Setting<Int>
    private let executable = Setting(
        "script.host",
        .optional(.string),
        default: nil,
        "The script-host executable; the one beside this one when not set."
    )

    /// - Parameter hosts: How many processes evaluate when nothing else is said.
    package init(hosts: Int) {
        self.hosts = Setting(
            "script.hosts",
            .int(1...64),
            default: hosts,
            "How many processes evaluate JavaScript."
        )
    }

    package var all: [any SettingDeclaration] { [hosts, executable] }

    /// The pool that the settings ask for.
    package func makePool(_ context: ServiceContext) throws -> ScriptHostPool {
        ScriptHostPool(
            executable: try context.settings[executable] ?? siblingExecutable("script-host"),
            hosts: try context.settings[hosts],
            logger: context.logger
        )
    }
}
