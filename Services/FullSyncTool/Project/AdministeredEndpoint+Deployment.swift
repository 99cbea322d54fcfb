import ArgumentParser
import Foundation
import JSON
import NIOHTTP1

extension AdministeredEndpoint {
    /// What became live.
    struct Deployed: Sendable {
        let project: String
        let answer: JSONValue

        var description: String { "\(project): version \(answer.cell("version")) is live" + Self.remarks(in: answer) }

        /// What else is to be said of a deployment, on lines of its own: what became of design documents that the
        /// version has no more, and what it names that is not live.
        static func remarks(in answer: JSONValue) -> String {
            func lines(_ member: String, _ words: String) -> String {
                (answer[member]?.arrayValue ?? []).compactMap(\.stringValue)
                    .map { "\n\(words) \($0.printable)" }.joined()
            }
            return lines("removed", "deleted, because the project has it no more:")
                + lines("kept", "left, because it is not as the project had it:") + lines("warnings", "warning:")
        }
    }

    /// Deploys a project under the name that its `project.yaml` says.
    ///
    /// - Throws: ``WrongProject`` with all that is wrong with it.
    @discardableResult
    func deploy(_ files: ProjectFiles) async throws -> Deployed {
        let project = try files.projectName
        let request = Request(
            method: .PUT,
            path: ["_fullsync", "projects", project],
            body: ["files": .object(JSONObject(files.texts.sorted { $0.key < $1.key }.map { ($0, .string($1)) }))]
        )
        do {
            return Deployed(project: project, answer: try await change(request))
        } catch let refusal as EndpointRefusal where refusal.error == "bad_project" {
            throw WrongProject(refusal)
        }
    }
}
