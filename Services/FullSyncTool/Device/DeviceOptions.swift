import ArgumentParser
import Foundation
import FullSyncClient
import Settings

/// What the commands that are a device have in common: whose it is, and where.
struct DeviceOptions: ParsableArguments {
    @Option(help: "The user; without one the databases of nobody are opened, and nothing is synced.")
    var user: String?

    @Option(help: "The server's address.")
    var server: String?

    @Option(help: "The database.")
    var database = "fieldservice"

    @Option(help: "Where the device keeps its databases.", completion: .directory)
    var directory: String?

    /// How the password is found, for the help of commands.
    static let discussion = """
        The password is FULLSYNC_DEVICE_PASSWORD, or stands in the file that FULLSYNC_DEVICE_PASSWORD_FILE names. With \
        FULLSYNC_DEVICE_KEY (or its _FILE) what is on the device is encrypted.
        """

    private static let password = Setting("device.password", .optional(.secret), default: nil, "The user's password.")
    private static let key = Setting("device.key", .optional(.secret), default: nil, "The device's encryption key.")

    func validate() throws {
        guard let server else { return }
        do {
            _ = try ServerAddress.checked(server)
        } catch {
            let place = "--user and FULLSYNC_DEVICE_PASSWORD say who logs in"
            throw ValidationError(error.sentence(on: "--server", credentials: place))
        }
    }

    /// The commands of the device, its user logged in when the server can be reached.
    func shell(_ console: Console) async throws -> DeviceShell {
        let (settings, reader) = (try ToolSettings(), try SettingReader.ofThisProcess())
        let folder = directory ?? Home(settings.home).path + "/devices/" + (user ?? "nobody")
        let client = try FullSyncClient(
            server: server ?? ServerAddress.local(settings.endpointPort),
            directory: URL(fileURLWithPath: folder),
            defaultDatabase: database,
            encryptionKey: try reader[Self.key].map { Data($0.reveal().utf8) }
        )
        var shell = DeviceShell(client: client, database: database, console: console)
        guard let user else { return shell }
        guard let password = try reader[Self.password]?.reveal() else {
            throw WrongArgument(description: "set FULLSYNC_DEVICE_PASSWORD, or its _FILE, to the user's password")
        }
        do {
            try await client.login(name: user, password: password)
        } catch let error as FullSyncError where error.status == nil {
            guard await client.user == user else { throw error }
            console.progress("offline: \(error.reason)")
            shell.offline = error
        }
        return shell
    }
}

/// What a device in the terminal was asked for, and has not got.
struct DeviceFailure: Error, CustomStringConvertible, ErrorWithExitCode {
    let description: String
    var exitCode: ExitCode { FailureCode.notFound }

    init(_ description: String) {
        self.description = description
    }
}

extension FullSyncError: ErrorWithExitCode {
    var exitCode: ExitCode { status.map { FailureCode.of(status: $0) } ?? FailureCode.unavailable }
}
