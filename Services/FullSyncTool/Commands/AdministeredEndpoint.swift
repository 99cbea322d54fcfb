import PrivateServers
import Settings

/// The endpoint that a command speaks to, as its administrator.
struct AdministeredEndpoint {
    let address: String
    let credentials: DemoProject.Credentials

    /// How it is found, for the help of commands.
    static let discussion = """
        The system is the one in FULLSYNC_HOME, or the one at FULLSYNC_ENDPOINT with the administrator
        FULLSYNC_ADMIN_USER and FULLSYNC_ADMIN_PASSWORD (or FULLSYNC_ADMIN_PASSWORD_FILE).
        """

    private static let endpoint = Setting("endpoint", .optional(.string), default: nil, "The endpoint's address.")

    /// - Throws: When there is no password to be found.
    init() throws {
        let settings = try ToolSettings()
        let home = Home(settings.home)
        address = try SettingReader.ofThisProcess()[Self.endpoint] ?? "http://127.0.0.1:\(settings.port)"
        guard let password = settings.adminPassword?.reveal() ?? TextFile.firstLine(of: home.adminPasswordFile) else {
            throw DemoFailure("\(home.adminPasswordFile) is not there; set FULLSYNC_ADMIN_PASSWORD or its _FILE")
        }
        credentials = DemoProject.Credentials(user: settings.adminUser, password: password)
    }
}
