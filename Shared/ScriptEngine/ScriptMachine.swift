import CJavaScriptCore

/// One JavaScript virtual machine: a heap, a garbage collector, and the contexts that share them.
///
/// A machine and all that comes from it belong to one thread at a time, so none of these types is `Sendable`. The
/// corresponding C type is `JSContextGroupRef`.
package final class ScriptMachine {
    let group: JSContextGroupRef?
    /// How long one entry from Swift into JavaScript may compute, in seconds of the thread's processor time.
    private let timeLimit: Double
    /// Whether the entry that has just ended was ended by the time limit.
    var hasTimedOut = false

    /// A machine in which each call from Swift into JavaScript may compute for `callTime`.
    ///
    /// The limit interrupts loops and recursion, `catch` and `finally` included. It does not interrupt one long step
    /// of the engine itself: a regular expression that backtracks, the filling of an array, a chain of promises that
    /// never ends. For those the process is what can be ended.
    package init(callTime: Duration) {
        group = JSContextGroupCreate()
        timeLimit = Double(callTime.components.seconds) + Double(callTime.components.attoseconds) * 1e-18
        let data = Unmanaged.passUnretained(self).toOpaque()
        JSContextGroupSetExecutionTimeLimit(
            group,
            timeLimit,
            { _, data in
                guard let data else { return true }
                Unmanaged<ScriptMachine>.fromOpaque(data).takeUnretainedValue().hasTimedOut = true
                return true
            },
            data
        )
    }

    deinit {
        JSContextGroupClearExecutionTimeLimit(group)
        JSContextGroupRelease(group)
    }

    /// A new context, with built-in objects of its own that no other context can reach.
    package func makeContext() -> ScriptContext {
        ScriptContext(machine: self)
    }

    /// Gives back the memory of what no script can reach any more.
    package func collectGarbage() {
        let context = JSGlobalContextCreateInGroup(group, nil)
        JSSynchronousGarbageCollectForDebugging(context)
        JSGlobalContextRelease(context)
    }
}
