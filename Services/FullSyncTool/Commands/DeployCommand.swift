import ArgumentParser
import Foundation
import PrivateServers
import Settings

/// `fullsync deploy`: makes a project live.
struct DeployCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "deploy",
        abstract: "Makes a project live on the running system, on all of its services at once.",
        discussion: """
            The system is the one in FULLSYNC_HOME, or the one at FULLSYNC_ENDPOINT with the administrator
            FULLSYNC_ADMIN_USER and FULLSYNC_ADMIN_PASSWORD (or FULLSYNC_ADMIN_PASSWORD_FILE).
            """
    )

    private static let endpoint = Setting("endpoint", .optional(.string), default: nil, "The endpoint's address.")

    @Argument(help: "The project's directory.", completion: .directory)
    var directory: String

    func run() async throws {
        try await reportingFailure {
            let settings = try ToolSettings()
            let home = Home(settings.home)
            let reader = try SettingReader.ofThisProcess()
            let address = try reader[Self.endpoint] ?? "http://127.0.0.1:\(settings.port)"
            let password = settings.adminPassword?.reveal() ?? TextFile.firstLine(of: home.adminPasswordFile)
            guard let password else {
                throw DemoFailure(
                    "\(home.adminPasswordFile) is not there; set FULLSYNC_ADMIN_PASSWORD or its _FILE"
                )
            }
            let answer = try await Deployment.deploy(
                directory: directory,
                to: address,
                credentials: DemoProject.Credentials(user: settings.adminUser, password: password)
            )
            Console().print(answer)
        }
    }
}
