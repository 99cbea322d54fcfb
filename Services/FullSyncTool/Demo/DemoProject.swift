import AsyncHTTPClient
import Foundation
import JSON
import NIOCore
import NIOHTTP1

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

    /// The project's text files, by their paths within it.
    static func files(in directory: String) throws -> [String: String] {
        let paths = FileManager.default.enumerator(atPath: directory)?.compactMap { $0 as? String } ?? []
        var files: [String: String] = [:]
        for path in paths.sorted() {
            var isDirectory: ObjCBool = false
            let file = "\(directory)/\(path)"
            guard FileManager.default.fileExists(atPath: file, isDirectory: &isDirectory), !isDirectory.boolValue else {
                continue
            }
            files[path] = try String(contentsOfFile: file, encoding: .utf8)
        }
        return files
    }
}

/// Deploys the demo project: `PUT /_fullsync/projects/field-service` with all its files.
///
/// - Throws: ``DemoProject/Failure`` with what the endpoint answered when it refuses.
func deployDemoProject(
    from directory: String,
    to endpoint: String,
    credentials: DemoProject.Credentials
) async throws {
    let files = try DemoProject.files(in: directory).sorted { $0.key < $1.key }
    let body: JSONValue = ["files": .object(JSONObject(files.map { ($0.key, .string($0.value)) }))]
    var request = HTTPClientRequest(url: "\(endpoint)/_fullsync/projects/\(DemoProject.name)")
    request.method = .PUT
    request.headers.add(name: "Authorization", value: credentials.authorization)
    request.headers.add(name: "Content-Type", value: "application/json")
    request.body = .bytes(ByteBuffer(bytes: body.bytes))
    let response = try await HTTPClient.shared.execute(request, timeout: .seconds(60))
    guard (200..<300).contains(response.status.code) else {
        let answer = try await response.body.collect(upTo: 65_536)
        throw DemoProject.Failure(
            description: "the demo project was refused (\(response.status.code)): \(String(buffer: answer))"
        )
    }
}
