import JSON
import Sequences
import Synchronization

/// The world of a test: scripts are `MiniScript`s, and everything asked for is written down.
final class RecordingEffects: SequenceEffects {
    /// One effect that was asked for.
    struct Event: Sendable, Hashable, CustomStringConvertible {
        let path: String
        let description: String
    }

    private struct State {
        var events: [Event] = []
        var scopes: [JSONObject] = []
        var now = ContinuousClock.now
        var afterEvent: (@Sendable (RecordingEffects) -> Void)?
        var loopsWithSharedIDs: Set<String> = []
    }

    /// Answers a transaction.
    typealias Transaction = @Sendable (TransactionReference, JSONObject, CallSite) async throws -> JSONValue

    private let state = Mutex(State())
    private let transaction: Transaction

    init(transaction: @escaping Transaction = { _, variables, _ in .object(variables) }) {
        self.transaction = transaction
    }

    /// Gets told each time that something was asked for, in the task that asks.
    var afterEvent: (@Sendable (RecordingEffects) -> Void)? {
        get { state.withLock { $0.afterEvent } }
        set { state.withLock { $0.afterEvent = newValue } }
    }

    /// What was asked for, in the order in which it was.
    var events: [Event] { state.withLock { $0.events } }
    /// What was asked for, without paths.
    var log: [String] { events.map(\.description) }
    /// The scopes that scripts were evaluated over.
    var scopes: [JSONObject] { state.withLock { $0.scopes } }

    var now: ContinuousClock.Instant { state.withLock { $0.now } }

    let currentTime = 1_795_651_200_000

    /// Lets time pass.
    func advance(by duration: Duration) { state.withLock { $0.now += duration } }

    private func record(_ description: String, at site: CallSite) {
        state.withLock { $0.events.append(Event(path: site.path.description, description: description)) }
        afterEvent?(self)
    }

    func evaluate(_ scripts: [Script], scope: JSONObject, at site: CallSite) async throws -> [JSONValue] {
        state.withLock { $0.scopes.append(scope) }
        return try scripts.map { try MiniScript.evaluate($0, scope: scope) }
    }

    /// The loops that have had elements with the same id: what the next attempt at a run is told of this one.
    var loopsWithSharedIDs: Set<String> {
        get { state.withLock { $0.loopsWithSharedIDs } }
        set { state.withLock { $0.loopsWithSharedIDs = newValue } }
    }

    func haveSharedIDs(_ areShared: Bool, at site: CallSite) async throws -> Bool {
        state.withLock { state in
            if areShared { state.loopsWithSharedIDs.insert(site.path.key) }
            return state.loopsWithSharedIDs.contains(site.path.key)
        }
    }

    func callTransaction(
        _ reference: TransactionReference,
        variables: JSONObject,
        at site: CallSite
    ) async throws -> JSONValue {
        record("\(reference) \(JSONValue.object(variables).text)", at: site)
        return try await transaction(reference, variables, site)
    }

    func setAuthenticatedUser(_ user: String, groups: [String]?, at site: CallSite) async throws -> Identity {
        record("user \(user) \(groups?.joined(separator: ",") ?? "directory")", at: site)
        return Identity(user: user, groups: groups ?? ["from-directory"])
    }

    func removeAuthenticatedUser(at site: CallSite) async throws { record("no user", at: site) }

    func setMembership(
        of user: String,
        in group: String,
        to isMember: Bool,
        at site: CallSite
    ) async throws -> Bool {
        record("\(user) in \(group): \(isMember)", at: site)
        return true
    }

    func ask(_ query: DirectoryQuery, at site: CallSite) async throws -> JSONValue {
        let question =
            switch query {
            case .groupsOf(let user): "groups of \(user)"
            case .usersOf(let group): "users of \(group)"
            case .groups(after: let name): "groups after \(name ?? "nobody")"
            case .users(after: let name): "users after \(name ?? "nobody")"
            }
        record(question, at: site)
        return ["asked"]
    }

    func session(_ access: SessionAccess, at site: CallSite) async throws -> JSONValue {
        switch access {
        case .get(let name): record("session \(name)", at: site)
        case .set(let values): record("session \(JSONValue.object(values).text)", at: site)
        case .remove(let names): record("session without \(names.joined(separator: ","))", at: site)
        }
        return "kept"
    }

    func publish(_ message: PublishedMessage, at site: CallSite) async throws {
        let mandatory = message.isMandatory ? " mandatory" : ""
        let headers = message.headers.sorted { $0.key < $1.key }.map { " \($0.key): \($0.value)" }.joined()
        let target = "\(message.exchange)/\(message.routingKey)"
        record("publish \(target) \(message.content.text)\(headers)\(mandatory)", at: site)
    }

    func log(_ level: SequenceLogLevel, _ message: JSONValue, at site: CallSite) async {
        record("\(level) \(message.text)", at: site)
    }

    func sleep(for duration: Duration, at site: CallSite) async throws {
        record("sleep \(duration.projectText)", at: site)
        advance(by: duration)
    }
}
