import ControlStore
import CouchProtocol
import DocumentStore
import Foundation
import Hummingbird
import JSON
import Messaging
import Projects
import Sequences
import ServiceRuntime

/// The listeners of a project: how far they have come, what their runs do; pausing, resuming, and going back.
struct ListenersResource: Sendable {
    let store: DocumentStore
    let control: ControlStore
    let catalogue: ProjectCatalogue
    let broker: MessageBroker

    /// How far changes are counted that a listener has not seen.
    private static let countLimit = 100_000

    func list(_ project: String) async throws -> Response {
        let live = try catalogue.live(project)
        let pauses = try await control.pauses(.listener)
        var listeners: [JSONValue] = []
        for listener in live.project.listeners.values.sorted(by: { $0.name < $1.name }) {
            listeners.append(.object(try await describe(listener, of: project, pauses)))
        }
        return .json(["project": .string(project), "listeners": .array(listeners)])
    }

    func show(_ name: String, of project: String) async throws -> Response {
        let listener = try listener(name, of: project)
        return .json(.object(try await describe(listener, of: project, try await control.pauses(.listener))))
    }

    /// - Returns: The listener as it is then; with `cancelled`, how many runs were, when that was asked for.
    func act(
        _ exchange: Exchange,
        _ action: OperationPath.ListenerAction,
        _ name: String,
        of project: String
    ) async throws -> Response {
        let listener = try listener(name, of: project)
        switch action {
        case .pause: try await control.pause(.listener, name, of: project, by: exchange.principal.name ?? "")
        case .resume: try await control.resumeListener(name, of: project)
        case .rewind:
            let asked = try await exchange.object()
            let cancelled = try await rewind(listener, of: project, asked)
            guard asked["cancelWaiting"] == true else { break }
            var answer = try await describe(listener, of: project, try await control.pauses(.listener))
            answer["cancelled"] = .number(JSONNumber(cancelled))
            return .json(.object(answer))
        }
        return try await show(name, of: project)
    }

    private func listener(_ name: String, of project: String) throws(CouchError) -> Listener {
        guard let listener = try catalogue.live(project).project.listeners[name] else {
            throw .notFound("The project '\(project)' has no listener '\(name)'.")
        }
        return listener
    }

    /// Lets the listener go on from somewhere else.
    ///
    /// `to` is `beginning`, `now`, or the number of a change, behind which it goes on. With `cancelWaiting`, its runs
    /// that wait are cancelled.
    ///
    /// - Returns: How many runs were cancelled.
    /// - Throws: Where not all were, how many, and that the listener goes on from there all the same.
    private func rewind(_ listener: Listener, of project: String, _ asked: JSONObject) async throws -> Int {
        let place = asked["to"]
        guard let cancels = asked["cancelWaiting"].map(\.boolValue) ?? false else {
            throw CouchError.badRequest("'cancelWaiting' must be true or false.")
        }
        let database = try await store.database(listener.database)
        let end = try await store.info(database).updateSeq
        let seq: Int
        switch place {
        case "beginning": seq = 0
        case "now": seq = end
        default:
            guard let number = place?.intValue ?? place?.stringValue.flatMap(Self.number), 0...end ~= number else {
                throw CouchError.badRequest(
                    "'to' must be \"beginning\", \"now\", or the number of a change from 0 to \(end)."
                )
            }
            seq = number
        }
        let outcome = try await control.rewind(
            Listener.follower(listener.name, of: project),
            in: listener.database,
            to: Position(incarnation: database.originalIncarnation, seq: seq),
            cancellingRunsOf: cancels ? (project, listener.name) : nil
        ) { next in
            // Workers find runs that they were not told of.
            try? await broker.tellWorkers(of: next)
        }
        if let failure = outcome.failure {
            throw CouchError.unavailable(
                """
                The listener goes on from there, but of its runs that wait only \(outcome.cancelled) are cancelled: \
                \(failure). Ask for the same again to have the others cancelled.
                """
            )
        }
        return outcome.cancelled
    }

    /// The number in a text that may be an `update_seq`.
    private static func number(_ text: String) -> Int? {
        Int(text) ?? SequenceToken(parsing: text)?.number
    }

    private func describe(_ listener: Listener, of project: String, _ pauses: [Pause]) async throws -> JSONObject {
        let pause = pauses.first { $0.project == project && $0.name == listener.name }
        let state = !listener.isEnabled ? "disabled" : pause == nil ? "listening" : "paused"
        var answer: JSONObject = [
            "name": .string(listener.name), "database": .string(listener.database),
            "sequence": .string(listener.sequence.description), "origin": .string(listener.origin.rawValue),
            "on": .array(listener.events.map(\.rawValue).sorted().map(JSONValue.string)),
            "ordering": .string(listener.ordering.rawValue), "chunk": .number(JSONNumber(listener.chunk)),
            "state": .string(state),
        ]
        if let pause {
            answer["pausedSince"] = .string(pause.since.formatted(.iso8601))
            answer["pausedBy"] = .string(pause.by)
        }
        for (name, number) in try await progress(of: listener, in: project) {
            answer[name] = number.map { .number(JSONNumber($0)) } ?? .null
        }
        let runs = try await control.openRuns(project: project, listener: listener.name)
        for state in [RunState.waiting, .running, .failed, .uncertain] {
            answer[state.rawValue] = .number(JSONNumber(runs[state] ?? 0))
        }
        return answer
    }

    /// How far the listener has come, how far its database is, and how many changes lie between; nothing of a database
    /// that was deleted, of which its project's other listeners know nothing.
    private func progress(of listener: Listener, in project: String) async throws -> [(name: String, number: Int?)] {
        do {
            let database = try await store.database(listener.database)
            let end = try await store.info(database).updateSeq
            let follower = Listener.follower(listener.name, of: project)
            let position = try await control.position(of: follower, in: listener.database)
            // In an earlier database of that name it has seen nothing of this one.
            let isHere = position?.incarnation == database.originalIncarnation
            let seq = isHere ? position?.seq ?? 0 : 0
            let behind = try await store.countChanges(in: database, since: seq, limit: Self.countLimit)
            return [("position", seq), ("end", end), ("behind", behind)]
        } catch let error as CouchError where error == .noDatabase {
            return [("position", nil), ("end", nil), ("behind", nil)]
        }
    }
}
