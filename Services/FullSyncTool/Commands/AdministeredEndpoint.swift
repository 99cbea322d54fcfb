import PrivateServers
import Settings

/// The endpoint that a command speaks to, as its administrator.
struct AdministeredEndpoint: Sendable {
    let address: String
    let credentials: DemoProject.Credentials

    /// How it is found, for the help of commands.
    static let discussion = """
        The system is the one in FULLSYNC_HOME, or the one at FULLSYNC_ENDPOINT with the administrator
        FULLSYNC_ADMIN_USER and FULLSYNC_ADMIN_PASSWORD (or FULLSYNC_ADMIN_PASSWORD_FILE).
        """

    private static let endpoint = Setting("endpoint", .optional(.string), default: nil, "The endpoint's address.")

    init(address: String, credentials: DemoProject.Credentials) {
        self.address = address
        self.credentials = credentials
    }

    /// The endpoint that is set, or the one of this home.
    ///
    /// - Throws: When there is no password to be found.
    init() throws {
        let settings = try ToolSettings()
        let address = try SettingReader.ofThisProcess()[Self.endpoint]
        guard let password = settings.adminPassword?.reveal() else {
            try self.init(
                home: Home(settings.home),
                port: settings.port,
                address: address,
                user: settings.adminUser
            )
            return
        }
        self.init(
            address: address ?? Self.local(settings.port),
            credentials: DemoProject.Credentials(user: settings.adminUser, password: password)
        )
    }

    /// The endpoint of a home that keeps the administrator's password.
    init(home: Home, port: Int, address: String? = nil, user: String = "admin") throws {
        guard let password = TextFile.firstLine(of: home.adminPasswordFile) else {
            throw DemoFailure("\(home.adminPasswordFile) is not there; set FULLSYNC_ADMIN_PASSWORD or its _FILE")
        }
        self.init(
            address: address ?? Self.local(port),
            credentials: DemoProject.Credentials(user: user, password: password)
        )
    }

    private static func local(_ port: Int) -> String { "http://127.0.0.1:\(port)" }
}
