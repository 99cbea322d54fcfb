import ArgumentParser
import PrivateServers
import Settings

/// The endpoint that a command speaks to, as its administrator.
struct AdministeredEndpoint: Sendable {
    let address: String
    let credentials: DemoProject.Credentials

    /// How it is found, for the help of commands.
    static let discussion = """
        The system is the one in FULLSYNC_HOME, whose administrator's password is in that home; or the one at
        FULLSYNC_ENDPOINT with the administrator FULLSYNC_ADMIN_USER and FULLSYNC_ADMIN_PASSWORD (or
        FULLSYNC_ADMIN_PASSWORD_FILE), which then must be set.
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
        let address = try Self.address(try SettingReader.ofThisProcess()[Self.endpoint], Self.endpoint.variable)
        self.init(
            address: address ?? ServerAddress.local(settings.endpointPort),
            credentials: try .ofAdministrator(settings, at: address, Self.endpoint.variable)
        )
    }

    /// The endpoint of a home that keeps the administrator's password.
    init(home: Home, port: Int) throws {
        self.init(
            address: ServerAddress.local(port),
            credentials: DemoProject.Credentials(user: "admin", password: try home.adminPassword)
        )
    }

    /// The address that a variable names.
    static func address(_ given: String?, _ variable: String) throws -> String? {
        guard let given else { return nil }
        do {
            return try ServerAddress.checked(given)
        } catch {
            throw WrongConfiguration(
                description: error.sentence(
                    on: variable,
                    credentials: "set FULLSYNC_ADMIN_USER and FULLSYNC_ADMIN_PASSWORD (or its _FILE) to them"
                )
            )
        }
    }
}

extension DemoProject.Credentials {
    /// Those that are set, or that the home keeps: for its own system, and for nobody else to see.
    ///
    /// - Parameters:
    ///   - address: That of a system elsewhere; nil for the home's.
    ///   - variable: What named the address.
    static func ofAdministrator(
        _ settings: ToolSettings,
        at address: String?,
        _ variable: String
    ) throws -> DemoProject.Credentials {
        let home = Home(settings.home)
        if let password = settings.adminPassword?.reveal() {
            return DemoProject.Credentials(user: settings.adminUser, password: password)
        }
        guard address.map({ ServerAddress.isLocal($0, settings.endpointPort) }) ?? true else {
            throw WrongConfiguration(
                description: "\(variable) names another system than that of \(home.path), whose password is for that "
                    + "one only; set FULLSYNC_ADMIN_USER and FULLSYNC_ADMIN_PASSWORD (or its _FILE)"
            )
        }
        return DemoProject.Credentials(user: settings.adminUser, password: try home.adminPassword)
    }
}

extension Home {
    /// The administrator's password, as the first start made it.
    fileprivate var adminPassword: String {
        get throws {
            guard let password = TextFile.firstLine(of: adminPasswordFile) else {
                throw WrongConfiguration(
                    description: "\(adminPasswordFile) is not there; `fullsync start` starts a system, FULLSYNC_HOME "
                        + "names the home of another one, or set FULLSYNC_ADMIN_PASSWORD (or its _FILE)"
                )
            }
            return password
        }
    }
}

/// What the environment says, or does not say, keeps a command from its work.
struct WrongConfiguration: Error, CustomStringConvertible, ErrorWithExitCode {
    let description: String
    var exitCode: ExitCode { FailureCode.configuration }
}
