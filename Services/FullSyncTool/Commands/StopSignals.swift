import Dispatch
import Glibc
import Synchronization

/// The signals that ask this process to end: Ctrl-C, SIGTERM, and the loss of the terminal.
final class StopSignals: Sendable {
    private let arrivals: SignalArrivals
    private let sources: Mutex<[any DispatchSourceSignal]>

    /// Takes the signals from now on.
    init() {
        let arrivals = SignalArrivals()
        self.arrivals = arrivals
        let queue = DispatchQueue(label: "signals")
        sources = Mutex(
            [SIGINT, SIGTERM, SIGHUP].map { number in
                signal(number, SIG_IGN)
                let source = DispatchSource.makeSignalSource(signal: number, queue: queue)
                source.setEventHandler { arrivals.note() }
                source.resume()
                return source
            }
        )
    }

    /// Waits until at least `count` of them have arrived since the start, or until the task is cancelled.
    func wait(for count: Int) async {
        await arrivals.wait(for: count)
    }
}

/// How many signals have come, and who waits for how many.
private final class SignalArrivals: Sendable {
    private struct State {
        var arrived = 0
        var waiting: [Int: (count: Int, continuation: CheckedContinuation<Void, Never>)] = [:]
        var nextID = 0
    }

    private let state = Mutex(State())

    /// Waits until at least `count` of them have arrived since the start, or until the task is cancelled.
    func wait(for count: Int) async {
        let id = state.withLock { state in
            state.nextID += 1
            return state.nextID
        }
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let isOver = state.withLock { state in
                    if state.arrived >= count || Task.isCancelled { return true }
                    state.waiting[id] = (count, continuation)
                    return false
                }
                if isOver { continuation.resume() }
            }
        } onCancel: {
            state.withLock { $0.waiting.removeValue(forKey: id) }?.continuation.resume()
        }
    }

    func note() {
        let due = state.withLock { state in
            state.arrived += 1
            let due = state.waiting.filter { $0.value.count <= state.arrived }
            for id in due.keys { state.waiting[id] = nil }
            return due.values.map(\.continuation)
        }
        for continuation in due { continuation.resume() }
    }
}
