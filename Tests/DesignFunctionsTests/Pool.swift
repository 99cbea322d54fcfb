import Logging
import ScriptHosting
import TestScripts
import TestSupport

/// A pool of one real script host with little patience, for as long as the body runs.
func withPool<Value: Sendable>(_ body: (ScriptHostPool) async throws -> Value) async throws -> Value {
    var limits = ScriptLimits.impatient
    limits.memory = 200 << 20
    let pool = ScriptHostPool(
        executable: Executables.path("script-host"),
        hosts: 1,
        limits: limits,
        logger: Logger(label: "script-hosts", factory: { _ in SwiftLogNoOpLogHandler() })
    )
    let run = Task { await pool.run() }
    return try await attempt {
        try await body(pool)
    } finally: {
        run.cancel()
        await run.value
    }
}
