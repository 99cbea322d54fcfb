import Dispatch
import Foundation
import Synchronization

/// One machine on a thread of its own, for whoever has no child process to run scripts in.
///
/// The thread starts with the first job and ends with the last reference to this. Whoever asks waits, so nobody asks
/// from the cooperative pool.
package final class ScriptThread: Sendable {
    private let mailbox: Mailbox
    private let callTime: Duration

    /// A thread whose scripts may compute for `callTime` in each call; see ``ScriptMachine/init(callTime:)``.
    package init(callTime: Duration) {
        self.callTime = callTime
        mailbox = Mailbox()
    }

    deinit { mailbox.end() }

    /// Runs something on the thread and waits for it.
    package func run<Value: Sendable>(_ body: @escaping @Sendable (ScriptRoom) throws -> Value) throws -> Value {
        let answer = Mutex<Result<Value, any Error>?>(nil)
        let isDone = DispatchSemaphore(value: 0)
        let answers = Answer { room in
            let result = Result { try body(room) }
            answer.withLock { $0 = result }
            isDone.signal()
        }
        if mailbox.put(answers) { start() }
        isDone.wait()
        guard let result = answer.withLock({ $0 }) else { preconditionFailure("a job without an answer") }
        return try result.get()
    }

    private func start() {
        let thread = Thread { [mailbox, callTime] in
            let room = ScriptRoom(callTime: callTime)
            while let job = mailbox.take() { job.run(room) }
        }
        thread.name = "scripts"
        thread.stackSize = 8 << 20
        thread.start()
    }
}

/// A job for the thread.
private struct Answer: Sendable {
    let run: @Sendable (ScriptRoom) -> Void
}

/// Where jobs wait for the thread.
private final class Mailbox: Sendable {
    private struct State {
        var jobs: [Answer] = []
        var hasThread = false
    }

    private let state = Mutex(State())
    private let wakeUp = DispatchSemaphore(value: 0)

    /// Whether a thread must be started for it.
    func put(_ job: Answer) -> Bool {
        let mustStart = state.withLock { state in
            state.jobs.append(job)
            defer { state.hasThread = true }
            return !state.hasThread
        }
        wakeUp.signal()
        return mustStart
    }

    /// The next job, which is waited for; nil at the end.
    func take() -> Answer? {
        wakeUp.wait()
        return state.withLock { state in
            guard !state.jobs.isEmpty else { return nil }
            return state.jobs.removeFirst()
        }
    }

    func end() {
        wakeUp.signal()
    }
}

/// What a ``ScriptThread`` has: its machine, and the functions that were compiled on it.
package final class ScriptRoom {
    private let machine: ScriptMachine
    private var compiled: [[UInt8]: FunctionEnvironment] = [:]
    /// How many bytes have become values since the garbage was collected.
    private var taken = 0

    /// After how many bytes it is collected: the engine by itself waits for more than a device can spare.
    private static let garbageLimit = 1 << 19
    /// How many design documents' functions are kept compiled; beyond it all are forgotten.
    private static let capacity = 50

    init(callTime: Duration) {
        machine = ScriptMachine(callTime: callTime)
    }

    /// The functions of that name, compiled now or before.
    package func functions(
        _ key: [UInt8],
        _ functions: @autoclosure () -> [(name: String, text: String)],
        library: @autoclosure () -> [UInt8]
    ) throws(FunctionEnvironment.CompilationError) -> FunctionEnvironment {
        if let known = compiled[key] { return known }
        let made = try FunctionEnvironment(functions: functions(), library: library()[...], on: machine)
        if compiled.count >= Self.capacity { compiled.removeAll() }
        compiled[key] = made
        return made
    }

    /// Notes how many bytes of JSON have become values that nobody needs any more.
    package func took(_ bytes: Int) {
        taken += bytes
        guard taken > Self.garbageLimit else { return }
        machine.collectGarbage()
        taken = 0
    }
}
