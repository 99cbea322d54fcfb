import Foundation

/// The supervisor that `settings` describe.
func compose(_ settings: ToolSettings, _ console: Console) throws -> Supervisor {
    let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
    let own = (program as NSString).deletingLastPathComponent
    return Supervisor(
        settings: settings,
        home: Home(settings.home),
        programs: settings.servicesDirectory ?? own,
        console: console
    )
}
