import JSON
import Logging
import ScriptHosting
import TestScripts
import TestSupport

/// A pool of real script hosts, for as long as the body runs.
func withPool<Value: Sendable>(
    hosts: Int = 1,
    _ limits: ScriptLimits = .patient,
    _ body: (ScriptHostPool) async throws -> Value
) async throws -> Value {
    let program = Executables.path("script-host")
    let pool = ScriptHostPool(executable: program, hosts: hosts, limits: limits, logger: .silent)
    let run = Task { await pool.run() }
    return try await attempt {
        try await body(pool)
    } finally: {
        run.cancel()
        await run.value
    }
}

extension ScriptFunctions {
    /// Map functions with the names `f0`, `f1` and so on.
    init(_ texts: String..., library: JSONObject = [:]) {
        self.init(
            texts.enumerated().map { ScriptSource(name: "f\($0.offset)", text: $0.element) },
            library: library
        )
    }
}

extension ScriptHostPool {
    /// Gives the body a session, which ends with it.
    func withSession<Value>(_ body: (ScriptSession) async throws -> Value) async rethrows -> Value {
        let session = ScriptSession(pool: self)
        defer { session.end() }
        return try await body(session)
    }

    /// Waits until a host answers, which may take longer to begin than a call may wait, or a batch may take.
    func warmUp(_ functions: ScriptFunctions, _ document: String) async {
        while await scriptError({ try await rows(functions, [document]) }) != nil {}
    }

    /// What the maps make of documents, as text: a row is `key=value`, a failure is `!` and its message.
    func rows(_ functions: ScriptFunctions, _ documents: [String]) async throws -> [[[String]]] {
        try await map(functions, documents: documents.map { Array($0.utf8) }).map { ofDocument in
            ofDocument.map { outcome in
                switch outcome {
                case .rows(let rows):
                    rows.map {
                        String(decoding: $0.key, as: UTF8.self) + "=" + String(decoding: $0.value, as: UTF8.self)
                    }
                case .failed(let error): ["!\(error.message)"]
                }
            }
        }
    }
}

/// The error that the body throws.
func scriptError(_ body: () async throws -> some Any) async -> ScriptError? {
    do {
        _ = try await body()
        return nil
    } catch {
        return error as? ScriptError
    }
}
