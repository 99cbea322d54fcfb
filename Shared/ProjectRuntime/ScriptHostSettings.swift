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
    private let callTime = Setting(
        "script.time",
        .duration(.milliseconds(100) ... .seconds(60)),
        default: ScriptLimits().callTime,
        "How long one call of a function, or one expression, may compute."
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

    package var all: [any SettingDeclaration] { [hosts, executable, callTime] }

    /// The pool that the settings ask for.
    package func makePool(_ context: ServiceContext) throws -> ScriptHostPool {
        var limits = ScriptLimits()
        limits.callTime = try context.settings[callTime]
        return ScriptHostPool(
            executable: try context.settings[executable] ?? siblingExecutable("script-host"),
            hosts: try context.settings[hosts],
            limits: limits,
            logger: context.logger
        )
    }
}
