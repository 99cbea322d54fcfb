import Contracts
import ControlStore
import CouchProtocol
import Foundation
import JSON
import Logging
import Messaging
import Projects

/// The login sequence of the project: it knows the users whom the built-in directory does not.
struct LoginSequence: Sendable {
    /// A sequence of a live project.
    struct Source: Sendable {
        let project: String
        let sequence: String
        /// Whether the project asks the built-in directory by itself: its sequence then decides about everybody.
        let asksDirectory: Bool
    }

    let catalogue: ProjectCatalogue
    let sequences: SequenceCaller
    /// The project whose sequence it is; nil when the only one that has one is meant.
    let project: String?
    let timeout: Duration
    let logger: Logger

    /// Which sequence authenticates; nil when no project has one.
    ///
    /// - Throws: 503 when it is not clear which, or when the one that is set is not there: then nobody logs in by it.
    func source() throws(CouchError) -> Source? {
        let live = catalogue.current.values.compactMap { live in
            live.project.login.map { login in
                Source(
                    project: live.project.name,
                    sequence: login,
                    asksDirectory: live.project.connectors.values.contains { connector in
                        if case .directory = connector.kind { true } else { false }
                    }
                )
            }
        }
        if let project {
            guard let source = live.first(where: { $0.project == project }) else {
                logger.error("The project of FULLSYNC_LOGIN_PROJECT has no login", metadata: ["project": "\(project)"])
                throw Self.unavailable
            }
            return source
        }
        guard live.count <= 1 else {
            throw .unavailable("Several projects have a login sequence: FULLSYNC_LOGIN_PROJECT must name one of them.")
        }
        return live.first
    }

    /// The user whom the sequence authenticates.
    ///
    /// - Parameter login: What the values are kept under that the sequence gives to the session.
    func run(_ source: Source, name: String, password: String, as login: UUID) async throws -> String {
        let answer: SequenceAnswer
        do {
            answer = try await sequences.call(
                source.sequence,
                of: source.project,
                variables: ["user": .string(name), "password": .string(password)],
                identity: CallerIdentity(session: login.uuidString.lowercased()),
                cause: .login,
                timeout: timeout
            )
        } catch let error as MessagingError {
            logger.warning("No worker answered a login", metadata: ["error": "\(error)"])
            throw Self.unavailable
        }
        switch answer.outcome {
        case .succeeded(_, let identity, _):
            guard let user = identity.user else { throw Login.refused }
            return user
        case .failed(let failure) where failure.code == "unauthorized":
            throw Login.refused
        case .failed(let failure):
            logger.warning("The login sequence failed", metadata: ["code": "\(failure.code)"])
            throw Self.unavailable
        }
    }

    private static let unavailable = CouchError.unavailable("The login cannot be checked at the moment. Try again.")
}
