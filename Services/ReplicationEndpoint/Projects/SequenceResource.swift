import Contracts
import ControlStore
import CouchProtocol
import Hummingbird
import JSON
import Messaging
import Projects
import Sequences

/// `POST /_fullsync/projects/<project>/sequences/<sequence>`: runs a sequence and answers its JSON.
struct SequenceResource: Sendable {
    let catalogue: ProjectCatalogue
    let sequences: SequenceCaller

    func respond(to exchange: Exchange, project: String, name: String) async throws -> Response {
        guard exchange.method == .post else { throw exchange.methodNotAllowed("POST") }
        let principal = exchange.principal
        // A private sequence is not there, for all but administrators.
        guard let definition = catalogue.current[project]?.project.sequences[name],
            definition.access != .private || principal.isAdministrator
        else { throw CouchError.notFound("There is no sequence '\(name)' in a project '\(project)'.") }
        if definition.requiresAuthenticatedUser, principal.name == nil {
            throw CouchError.unauthorized("The sequence needs an authenticated user.")
        }
        let answer: SequenceAnswer
        do {
            answer = try await sequences.call(
                name,
                of: project,
                variables: try await exchange.object(),
                identity: identity(of: principal),
                cause: .call,
                timeout: definition.timeout
            )
        } catch let error as MessagingError {
            throw CouchError.unavailable("No worker answered: \(error).")
        }
        switch answer.outcome {
        case .succeeded(let value, _):
            return .json(value, headers: [HTTPHeader.run: answer.run])
        case .failed(let failure):
            return .json(
                [
                    "error": .string(failure.code), "reason": .string(failure.message), "details": failure.details,
                    "run": .string(answer.run),
                ],
                status: status(of: failure),
                headers: [HTTPHeader.run: answer.run]
            )
        }
    }

    private func identity(of principal: Principal) -> CallerIdentity {
        CallerIdentity(
            user: principal.isAdministrator ? nil : principal.name,
            groups: principal.groups.sorted(),
            isAdministrator: principal.isAdministrator
        )
    }

    /// What the caller did wrong is 4xx, what went wrong behind is 5xx.
    private func status(of failure: Failure) -> HTTPResponse.Status {
        switch failure.code {
        case "invalid_variable": .badRequest
        case "unauthenticated", "unauthorized": .unauthorized
        case "forbidden": .forbidden
        case "not_found": .notFound
        case "timeout": .gatewayTimeout
        default: .badGateway
        }
    }
}
