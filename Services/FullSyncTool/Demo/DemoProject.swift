import Foundation

/// The demo project's files, and who deploys them.
enum DemoProject {
    /// An administrator.
    struct Credentials: Sendable {
        let user: String
        let password: String

        /// `address` with the name and password in it.
        func address(of address: String) -> String {
            guard var parts = URLComponents(string: address) else { return address }
            parts.user = user
            parts.password = password
            return parts.string ?? address
        }

        /// The value of the header `Authorization`.
        var authorization: String {
            "Basic " + Data("\(user):\(password)".utf8).base64EncodedString()
        }
    }

    /// The project could not be read or deployed.
    struct Failure: Error, CustomStringConvertible {
        let description: String
    }

    static let name = "field-service"

    /// Finds the project's directory: as set, or in the clone that this program was built in or is called from.
    static func directory(settings: ToolSettings, programs: String) throws -> String {
        let path = "compose/demo/\(name)"
        var candidates = ["\(FileManager.default.currentDirectoryPath)/\(path)"]
        var above = programs
        while above.count > 1 {
            above = (above as NSString).deletingLastPathComponent
            candidates.append((above as NSString).appendingPathComponent(path))
        }
        if let given = settings.demoProject { candidates = [given] }
        guard let found = candidates.first(where: { FileManager.default.fileExists(atPath: $0) }) else {
            throw Failure(
                description: "the demo project is not at \(candidates[0]); FULLSYNC_DEMO_PROJECT names its directory, "
                    + "FULLSYNC_DEMO=off starts without it"
            )
        }
        return found
    }
}
