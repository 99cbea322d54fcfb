import Foundation

/// The supervisor that `settings` describe.
func compose(_ settings: ToolSettings, _ console: Console) throws -> Supervisor {
    Supervisor(
        settings: settings,
        home: Home(settings.home),
        programs: try settings.programs,
        console: console
    )
}

extension ToolSettings {
    /// The directory of the services' programs: as set, or that of this program.
    var programs: String {
        get throws {
            if let servicesDirectory { return servicesDirectory }
            let program = try FileManager.default.destinationOfSymbolicLink(atPath: "/proc/self/exe")
            return (program as NSString).deletingLastPathComponent
        }
    }
}
