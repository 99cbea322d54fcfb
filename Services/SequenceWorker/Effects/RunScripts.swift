import JSON
import ScriptHosting
import Sequences

/// The JavaScript of one run: a session for each of its branches that evaluates at the moment, and for each project.
///
/// What a project's scripts do to the globals of their session is not seen by those of another.
/// A session remembers the values that it was last given, so only what a step has changed goes to the host again.
actor RunScripts {
    private let pool: ScriptHostPool
    /// By project.
    private var idle: [String: [Lent]] = [:]

    private struct Lent: Sendable {
        let session: ScriptSession
        var bound = JSONObject()
        /// The modules under `require`, while the scope has nothing else of that name.
        var modules: JSONObject?

        /// Gives the session the modules of a script's project.
        mutating func bind(modules texts: JSONObject, over scope: JSONObject) {
            guard scope[Self.require] == nil else {
                modules = nil
                return
            }
            guard modules != texts else { return }
            session.bindModules(Self.require, texts)
            modules = texts
        }

        /// The name of the function by which expressions get them.
        private static let require = "require"

        /// Gives the session the values of a scope that scripts mention; nil for all.
        mutating func bind(_ scope: JSONObject, mentioned: Set<String>?) {
            for (name, value) in scope where mentioned?.contains(name) ?? true {
                guard bound[name] != value else { continue }
                session.bind(name, value)
                bound[name] = value
            }
            for name in bound.names where scope[name] == nil {
                session.unbind(name)
                bound[name] = nil
            }
        }
    }

    init(_ pool: ScriptHostPool) {
        self.pool = pool
    }

    /// Evaluates scripts over a scope, in their order.
    ///
    /// - Parameters:
    ///   - project: The project whose scripts they are.
    ///   - modules: The texts of the modules that it has, by name.
    func evaluate(
        _ scripts: [Script],
        of project: String,
        scope: JSONObject,
        modules: JSONObject
    ) async throws(ScriptError) -> [JSONValue] {
        var lent = idle[project]?.popLast() ?? Lent(session: ScriptSession(pool: pool))
        defer { idle[project, default: []].append(lent) }
        var results: [JSONValue] = []
        for script in scripts {
            lent.bind(scope, mentioned: script.mentionedNames)
            if script.mentionedNames?.contains("require") ?? true { lent.bind(modules: modules, over: scope) }
            let location = ScriptLocation(script.position.file, line: script.start.line)
            switch script.form {
            case .expression: results.append(try await lent.session.evaluate(script.source, at: location))
            case .body: results.append(try await lent.session.execute(script.source, at: location))
            }
        }
        return results
    }

    /// Lets the hosts forget the run.
    func end() {
        for lent in idle.values.joined() { lent.session.end() }
        idle = [:]
    }
}
