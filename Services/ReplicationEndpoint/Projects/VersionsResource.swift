import ControlStore
import CouchProtocol
import Foundation
import Hummingbird
import JSON
import Projects
import Sequences

/// `/_fullsync/projects/<project>/versions`: what was deployed, and making an earlier version live again
/// (administrators).
struct VersionsResource: Sendable {
    let control: ControlStore
    let deployment: Deployment

    private static let limit = 1_000

    func respond(to exchange: Exchange, _ project: String) async throws -> Response {
        try exchange.requireAdministrator()
        switch exchange.method {
        case .get: return try await list(project)
        case .post: return try await rollBack(exchange, project)
        default: throw exchange.methodNotAllowed("GET", "POST")
        }
    }

    private func list(_ project: String) async throws -> Response {
        let versions = try await control.versions(of: project, limit: Self.limit)
        guard !versions.isEmpty else { throw Self.missing(project) }
        return .json([
            "project": .string(project),
            "versions": .array(
                versions.map { version in
                    [
                        "version": .number(JSONNumber(version.version)), "digest": .string(version.digest),
                        "deployed": .string(version.deployedAt.formatted(.iso8601)),
                        "by": .string(version.deployedBy), "live": .bool(version.isLive),
                    ]
                }
            ),
        ])
    }

    /// Deploys the files of a version anew; without one, of the version before the live one.
    private func rollBack(_ exchange: Exchange, _ project: String) async throws -> Response {
        let body = try await exchange.object()
        let live = try await control.liveVersions()[project]
        guard let live else { throw Self.missing(project) }
        if let value = body["version"], value.intValue == nil {
            throw CouchError.badRequest("'version' must be the number of a version.")
        }
        let wanted = body["version"]?.intValue ?? live - 1
        guard 1...Int(Int32.max) ~= wanted, let earlier = try await control.project(project, version: wanted) else {
            throw CouchError.notFound("The project '\(project)' has no version \(wanted).")
        }
        do {
            let deployed = try await deployment.deploy(
                project,
                earlier.files,
                isKnown: true,
                by: exchange.principal.name ?? ""
            )
            var answer = deployed.answer(for: project)
            answer["from"] = .number(JSONNumber(wanted))
            // The files of the live version are no new one.
            answer["changed"] = .bool(deployed.version != live)
            return .json(.object(answer))
        } catch let problems as ProjectProblems {
            // What could be read when it was deployed lacks a symbol by now, or this version of Full Sync wants more.
            throw CouchError.badRequest(
                "Version \(wanted) cannot be read any more:\n"
                    + problems.problems.map(\.description).joined(separator: "\n")
            )
        }
    }

    private static func missing(_ project: String) -> CouchError {
        .notFound("There is no project '\(project)'.")
    }
}
