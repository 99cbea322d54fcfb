import Foundation
import JSON
import PrivateServers
import Settings

/// Where the running system and its demo back end are, and how one may speak with them.
struct DemoSystem: Sendable {
    /// The endpoint's address, without credentials.
    let endpoint: String
    let administrator: DemoProject.Credentials
    let erp: String
    let erpToken: Secret

    private static let endpointSetting = Setting(
        "demo.endpoint",
        .optional(.string),
        default: nil,
        "The endpoint's address, with FULLSYNC_ADMIN_PASSWORD set; that of the system in FULLSYNC_HOME when not set."
    )
    private static let erpSetting = Setting(
        "demo.erpUrl",
        .optional(.string),
        default: nil,
        "The demo back end's address; that of the system in FULLSYNC_HOME when not set."
    )
    private static let erpTokenSetting = Setting(
        "demo.erpToken",
        .optional(.secret),
        default: nil,
        "The token of the demo back end; that of FULLSYNC_HOME when not set."
    )

    /// The settings, for `--help`.
    static var help: String {
        let settings: [any SettingDeclaration] = [endpointSetting, erpSetting, erpTokenSetting]
        return settings.map { "  \($0.variable)\n      \($0.summary)" }.joined(separator: "\n")
    }

    /// The system that the environment names, or else the one that runs in the home.
    init() throws {
        let settings = try ToolSettings()
        let reader = try SettingReader.ofThisProcess()
        let home = Home(settings.home)
        let variable = Self.endpointSetting.variable
        let given = try AdministeredEndpoint.address(try reader[Self.endpointSetting], variable)
        endpoint = try given ?? Self.announced("replication-endpoint", in: home)
        erp = try reader[Self.erpSetting] ?? Self.announced("demo-erp", in: home)
        erpToken = try reader[Self.erpTokenSetting] ?? Self.secret(home.erpTokenFile)
        administrator = try .ofAdministrator(settings, at: given, variable)
    }

    /// Where a service of the system in `FULLSYNC_HOME` shows its metrics.
    func operations(of service: String) throws -> String {
        try Self.announced(service, in: Home(ToolSettings().home), member: "operations")
    }

    private static func announced(_ service: String, in home: Home, member: String = "http") throws -> String {
        let text = TextFile.firstLine(of: home.announceFile(of: service))
        guard let text, let address = try JSONValue(parsing: text)[member]?.stringValue else {
            throw DemoFailure("Full Sync does not run in \(home.path) with its demo. Start it: make start")
        }
        return address
    }

    private static func secret(_ path: String) throws -> Secret {
        guard let text = TextFile.firstLine(of: path) else {
            throw DemoFailure("\(path) cannot be read. Full Sync must have been started from this account: make start")
        }
        return Secret(text)
    }
}

/// A step of the demo that did not happen.
struct DemoFailure: Error, CustomStringConvertible {
    let description: String

    init(_ description: String) {
        self.description = description
    }
}
