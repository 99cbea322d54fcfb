import ArgumentParser
import Foundation
import JSON
import NIOHTTP1

extension AdministeredEndpoint {
    /// What became live.
    struct Deployed: Sendable {
        let project: String
        let answer: JSONValue

        var description: String { "\(project): version \(answer.cell("version")) is live" }
    }

    /// Deploys a project under the name that its `project.yaml` says.
    ///
    /// - Throws: ``EndpointRefusal`` with all that is wrong with it.
    @discardableResult
    func deploy(_ files: ProjectFiles) async throws -> Deployed {
        let project = try files.projectName
        let request = Request(
            method: .PUT,
            path: ["_fullsync", "projects", project],
            body: ["files": .object(JSONObject(files.texts.sorted { $0.key < $1.key }.map { ($0, .string($1)) }))]
        )
        return Deployed(project: project, answer: try await send(request).body)
    }
}
