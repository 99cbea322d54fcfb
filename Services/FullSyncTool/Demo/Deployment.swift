import AsyncHTTPClient
import Foundation
import JSON
import NIOCore
import NIOHTTP1

/// Deploying a project: `PUT /_fullsync/projects/<project>` with all its files.
enum Deployment {
    private static let timeout = TimeAmount.seconds(60)
    private static let answerLimit = 1 << 20

    /// Deploys the project in a directory, under the name that its `project.yaml` says.
    ///
    /// - Returns: What became live, in words.
    /// - Throws: `DemoProject.Failure` with what the endpoint answered when it refuses.
    @discardableResult
    static func deploy(
        directory: String,
        to endpoint: String,
        credentials: DemoProject.Credentials
    ) async throws -> String {
        let files = try DemoProject.files(in: directory)
        guard let name = name(files["project.yaml"] ?? "") else {
            throw DemoProject.Failure(description: "\(directory)/project.yaml names no project")
        }
        let members = files.sorted { $0.key < $1.key }.map { ($0.key, JSONValue.string($0.value)) }
        var request = HTTPClientRequest(url: "\(endpoint)/_fullsync/projects/\(name)")
        request.method = .PUT
        request.headers.add(name: "Authorization", value: credentials.authorization)
        request.headers.add(name: "Content-Type", value: "application/json")
        request.body = .bytes(ByteBuffer(bytes: JSONValue.object(["files": .object(JSONObject(members))]).bytes))
        let response = try await HTTPClient.shared.execute(request, timeout: timeout)
        let bytes = try await response.body.collect(upTo: answerLimit)
        let answer = try? JSONValue(parsing: Array(bytes.readableBytesView))
        guard (200..<300).contains(response.status.code) else {
            let reason = answer?["reason"]?.stringValue ?? String(buffer: bytes)
            throw DemoProject.Failure(description: "the project was refused (\(response.status.code)):\n\(reason)")
        }
        return "\(name): version \(answer?["version"]?.intValue ?? 0) is live"
    }

    /// The value of `project:`, which the endpoint checks with all the rest.
    private static func name(_ yaml: String) -> String? {
        for line in yaml.split(separator: "\n") where line.hasPrefix("project:") {
            let name = line.dropFirst("project:".count).prefix { $0 != "#" }
            return name.trimmingCharacters(in: [" ", "\t", "\"", "'", "\r"])
        }
        return nil
    }
}
