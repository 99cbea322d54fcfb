import Contracts
import ControlStore
import CouchProtocol
import DocumentStore
import Hummingbird
import JSON
import Messaging
import Projects
import Sequences
import ServiceRuntime

/// `/_fullsync/projects`: what is deployed, and deploying.
struct ProjectResource: Sendable {
    let catalogue: ProjectCatalogue
    let control: ControlStore
    let deployment: Deployment

    var versions: VersionsResource { VersionsResource(control: control, deployment: deployment) }

    func list(_ exchange: Exchange) throws -> Response {
        guard exchange.isRead else { throw exchange.methodNotAllowed("GET", "HEAD") }
        try requireCaller(exchange)
        let projects = catalogue.current.values.sorted { $0.project.name < $1.project.name }
        return .json(["projects": .array(projects.map { Self.describe($0, for: exchange.principal) })])
    }

    func respond(to exchange: Exchange, _ name: String) async throws -> Response {
        switch exchange.method {
        case .get:
            try requireCaller(exchange)
            guard let live = catalogue.current[name] else {
                throw CouchError.notFound("There is no project '\(name)'.")
            }
            return .json(Self.describe(live, for: exchange.principal))
        case .put:
            try exchange.requireAdministrator()
            return try await deploy(exchange, name)
        case .delete:
            try exchange.requireAdministrator()
            guard try await deployment.undeploy(name, by: exchange.principal.name ?? "") else {
                throw CouchError.notFound("There is no project '\(name)'.")
            }
            return .ok()
        default: throw exchange.methodNotAllowed("GET", "PUT", "DELETE")
        }
    }

    /// `…/openapi.json`: the project's public sequences, for tools that make clients and pages of it.
    func openAPI(_ exchange: Exchange, _ name: String) throws -> Response {
        guard exchange.isRead else { throw exchange.methodNotAllowed("GET", "HEAD") }
        try requireCaller(exchange)
        guard let live = catalogue.current[name] else {
            throw CouchError.notFound("There is no project '\(name)'.")
        }
        let description = OpenAPIDescription(of: live.project, version: live.version, server: exchange.address())
        return .json(.object(description.document))
    }

    private func requireCaller(_ exchange: Exchange) throws(CouchError) {
        guard exchange.principal.name != nil else { throw .unauthorized("You are not logged in.") }
    }

    private func deploy(_ exchange: Exchange, _ name: String) async throws -> Response {
        guard let members = try await exchange.object()["files"]?.objectValue else {
            throw CouchError.badRequest("The body must have the member 'files': an object of paths and texts.")
        }
        var files: [String: String] = [:]
        for (path, content) in members {
            guard let text = content.stringValue else {
                throw CouchError.badRequest("The file '\(path)' is no string.")
            }
            files[path] = text
        }
        do {
            let deployed = try await deployment.deploy(name, files, by: exchange.principal.name ?? "")
            return .json(.object(deployed.answer(for: name)))
        } catch let problems as ProjectProblems {
            return .json(
                [
                    "error": "bad_project",
                    "reason": .string(problems.problems.map(\.description).joined(separator: "\n")),
                    "problems": .array(problems.problems.map { .string($0.description) }),
                    "details": .array(problems.problems.map(\.json)),
                ],
                status: .badRequest
            )
        }
    }

    /// What a caller may know of a project: administrators all, users what they may call.
    private static func describe(_ live: LiveProject, for principal: Principal) -> JSONValue {
        let project = live.project
        var members: JSONObject = [
            "name": .string(project.name), "version": .number(JSONNumber(live.version)),
            "description": project.description.map(JSONValue.string) ?? .null,
            "databases": .array(project.databases.keys.sorted().map(JSONValue.string)),
            "sequences": .array(project.publicSequences.map { .string($0.name) }),
        ]
        if principal.isAdministrator {
            members["listeners"] = .array(project.listeners.keys.sorted().map(JSONValue.string))
            members["jobs"] = .array(project.jobs.keys.sorted().map(JSONValue.string))
            members["notifications"] = .array(project.notifications.keys.sorted().map(JSONValue.string))
        }
        return .object(members)
    }
}

extension Deployment.Deployed {
    /// What whoever deployed it is told.
    func answer(for project: String) -> JSONObject {
        [
            "ok": true, "project": .string(project), "version": .number(JSONNumber(version)),
            "removed": .array(removed.map(JSONValue.string)), "kept": .array(kept.map(JSONValue.string)),
            "warnings": .array(warnings.map(JSONValue.string)),
        ]
    }
}
