package import JSON
import Synchronization

/// The JavaScript side of one sequence run: named values, and expressions over them.
///
/// The values are kept here; a host keeps copies, is sent only those that an expression names and that it does not
/// have, and may be another one each time. An expression sees each value as a constant of its name, frozen all the
/// way down; code is strict, so an attempt to change a value is an error. Names are found in the text of an
/// expression: a name that is put together at run time (`eval("na" + "me")`) is not seen.
///
/// JavaScript's numbers are doubles: beyond 2⁵³ a value that passes through an expression is rounded. An expression
/// that is nothing but a name, or a path of members (`order.customer.id`), is answered without JavaScript, faithfully.
package final class ScriptSession: Sendable {
    private let pool: ScriptHostPool
    private let identifier: Int
    private let state = Mutex(State())

    private struct State {
        var scope: [String: Bound] = [:]
        var nextVersion = 1
        /// The host that served the session last.
        var host: JobQueue.HostKey?
        /// What that host has, as far as is known here.
        var sent: [String: Int] = [:]
        /// The hosts that served the session.
        var hosts: Set<JobQueue.HostKey> = []

        /// What an expression sees under a name that it can be answered by without JavaScript.
        func value(of name: String) -> JSONValue? {
            guard let bound = scope[name], !bound.isModules else { return nil }
            return bound.value
        }
    }

    /// A value in the scope.
    private struct Bound: Sendable {
        let value: JSONValue
        let version: Int
        /// Whether expressions see a function that gets modules instead of the value.
        var isModules = false
        /// The value's text, made when a host first needs it.
        var json: [UInt8]?
    }

    /// A session without values, for one who sees to its end; others have ``ScriptHostPool/withSession(_:)``.
    package init(pool: ScriptHostPool) {
        self.pool = pool
        identifier = pool.nextIdentifier()
    }

    /// Gives a name a value, instead of the one that it had.
    ///
    /// A name that is no identifier of JavaScript, or is one of its reserved words, cannot be written in an expression
    /// and is never seen by one.
    package func bind(_ name: String, _ value: JSONValue) {
        state.withLock { state in
            state.scope[name] = Bound(value: value, version: state.nextVersion)
            state.nextVersion += 1
        }
    }

    /// Gives a name the function by which expressions get modules, instead of the value that it had.
    ///
    /// - Parameter texts: The modules' texts by their names, in the form of CommonJS.
    package func bindModules(_ name: String, _ texts: JSONObject) {
        state.withLock { state in
            state.scope[name] = Bound(value: .object(texts), version: state.nextVersion, isModules: true)
            state.nextVersion += 1
        }
    }

    /// Takes a name and its value away.
    package func unbind(_ name: String) {
        _ = state.withLock { $0.scope.removeValue(forKey: name) }
    }

    /// The value of an expression.
    ///
    /// `undefined`, `NaN` and the infinities become `null`; members that are `undefined` or functions are left out, as
    /// `JSON.stringify` does.
    ///
    /// - Parameters:
    ///   - expression: One expression of JavaScript, in strict mode.
    ///   - location: Where it stands, for errors.
    /// - Throws: What the expression threw, where it is no JavaScript, the limit that it broke, or that its value is a
    ///   function, a symbol, a BigInt, or contains itself.
    package func evaluate(_ expression: String, at location: ScriptLocation) async throws(ScriptError) -> JSONValue {
        if let path = MemberPath(expression), let value = state.withLock({ path.value(in: $0.value(of: path.root)) }) {
            return value
        }
        return try await run(expression, isStatements: false, at: location)
    }

    /// The value that statements `return`; `null` when they return nothing.
    ///
    /// - Parameters:
    ///   - code: Statements of JavaScript, in strict mode: the body of a function.
    ///   - location: Where they stand, for errors.
    /// - Throws: As ``evaluate(_:at:)`` does.
    package func execute(_ code: String, at location: ScriptLocation) async throws(ScriptError) -> JSONValue {
        try await run(code, isStatements: true, at: location)
    }

    /// Lets the hosts forget the session.
    package func end() {
        let hosts = state.withLock { $0.hosts }
        pool.sessions.end(identifier, on: hosts)
    }

    private func run(
        _ text: String,
        isStatements: Bool,
        at location: ScriptLocation
    ) async throws(ScriptError) -> JSONValue {
        guard text.utf8.count <= Frame.maximumHeader / 8 else {
            throw ScriptError(.inputLimit, "JavaScript of \(text.utf8.count) bytes", function: location.name)
        }
        let values = prepare(Identifiers.names(in: text))
        let size = values.reduce(0) { $0 + $1.json.count }
        guard size <= pool.limits.inputSize else {
            throw ScriptError(.inputLimit, "the values have \(size) bytes", function: location.name)
        }
        // The second try sends what the host turned out not to have; by the third it has been given all of it.
        for _ in 0..<3 {
            let (preferred, sent) = state.withLock { ($0.host, $0.sent) }
            let (reply, host) = try await pool.perform(.evaluate, in: .shared, preferring: preferred) {
                [identifier, pool] host in
                let known = host == preferred ? sent : [:]
                return .evaluate(
                    Evaluation(
                        session: identifier,
                        isStatements: isStatements,
                        text: text,
                        location: location,
                        bindings: values.map { $0.binding(knownAs: known[$0.name]) },
                        ended: pool.sessions.takeEnded(on: host)
                    )
                )
            }
            switch reply {
            case .missing(let names):
                note(host) { sent in for name in names { sent[name] = nil } }
            case .value(let json):
                note(host) { sent in for value in values { sent[value.name] = value.version } }
                do throws(JSONError) {
                    return try JSONValue(parsing: Array(json))
                } catch {
                    throw ScriptError(.exception, "the result cannot be taken: \(error)", function: location.name)
                }
            default: throw .unexpectedReply
            }
        }
        throw .unexpectedReply
    }

    /// The values of those names that have one, as texts.
    private func prepare(_ names: [String]) -> [Prepared] {
        let bound = state.withLock { state in names.compactMap { name in state.scope[name].map { (name, $0) } } }
        return bound.map { name, bound in
            let isModules = bound.isModules
            if let json = bound.json {
                return Prepared(name: name, version: bound.version, json: json, isModules: isModules)
            }
            let json = bound.value.bytes
            state.withLock { state in
                if state.scope[name]?.version == bound.version { state.scope[name]?.json = json }
            }
            return Prepared(name: name, version: bound.version, json: json, isModules: isModules)
        }
    }

    private struct Prepared: Sendable {
        let name: String
        let version: Int
        let json: [UInt8]
        let isModules: Bool

        func binding(knownAs known: Int?) -> Evaluation.Binding {
            let json = known == version ? nil : json[...]
            return Evaluation.Binding(name: name, version: version, json: json, isModules: isModules)
        }
    }

    /// Notes which host served the session and what it has now.
    private func note(_ host: JobQueue.HostKey, _ change: (inout [String: Int]) -> Void) {
        state.withLock { state in
            if state.host != host {
                state.host = host
                state.hosts.insert(host)
                state.sent = [:]
            }
            change(&state.sent)
        }
    }
}
