import Foundation
import JSON
import Logging
import ScriptHosting
import Testing

/// A pool of real script hosts, for as long as the body runs.
func withPool<Value: Sendable>(
    hosts: Int = 1,
    _ limits: ScriptLimits = ScriptLimits(),
    _ body: (ScriptHostPool) async throws -> Value
) async throws -> Value {
    let logger = Logger.silent
    let pool = ScriptHostPool(executable: try scriptHost(), hosts: hosts, limits: limits, logger: logger)
    let run = Task { await pool.run() }
    let result: Result<Value, any Error>
    do {
        result = .success(try await body(pool))
    } catch {
        result = .failure(error)
    }
    run.cancel()
    await run.value
    return try result.get()
}

/// Where the program under test was built.
func scriptHost() throws -> String {
    let directory = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
    let path = directory.appendingPathComponent("script-host").path
    try #require(FileManager.default.isExecutableFile(atPath: path), "\(path) has not been built")
    return path
}

extension ScriptLimits {
    /// Short times, for scripts that are to be ended.
    static var impatient: ScriptLimits {
        var limits = ScriptLimits()
        limits.callTime = .milliseconds(150)
        return limits
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
