import Synchronization

/// Lets a number of tasks through at once; the others wait in line, so many and no more.
final class ConcurrencyGate: Sendable {
    /// Why a task was not let through.
    enum Refusal: Error, Hashable {
        /// The line is full.
        case full
        /// The task's time was over, or it was cancelled, before its turn came.
        case late
    }

    private struct Waiter {
        let number: Int
        let continuation: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var free: Int
        var line: [Waiter] = []
        var nextNumber = 0
        /// Tasks that gave up before they stood in line.
        var left: Set<Int> = []
    }

    private let state: Mutex<State>
    private let maximumWaiters: Int

    init(limit: Int, maximumWaiters: Int) {
        self.maximumWaiters = maximumWaiters
        state = Mutex(State(free: limit))
    }

    /// Runs the body when there is room, and makes room afterwards.
    func run<Value>(
        until deadline: ContinuousClock.Instant,
        _ body: () async -> Value
    ) async throws(Refusal) -> Value {
        try await enter(until: deadline)
        let value = await body()
        leave()
        return value
    }

    private func enter(until deadline: ContinuousClock.Instant) async throws(Refusal) {
        let number = try state.withLock { state throws(Refusal) -> Int? in
            guard state.free == 0 else {
                state.free -= 1
                return nil
            }
            guard state.line.count < maximumWaiters else { throw .full }
            state.nextNumber += 1
            return state.nextNumber
        }
        guard let number else { return }
        let timer = Task {
            try await Task.sleep(until: deadline, clock: .continuous)
            giveUp(number)
        }
        defer { timer.cancel() }
        guard await wait(as: number) else { throw .late }
    }

    /// Stands in line; false when the task was taken out of it.
    private func wait(as number: Int) async -> Bool {
        await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let answer = state.withLock { state -> Bool? in
                    if state.left.remove(number) != nil { return false }
                    // Room may have come since the first look.
                    if state.free > 0 {
                        state.free -= 1
                        return true
                    }
                    state.line.append(Waiter(number: number, continuation: continuation))
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            giveUp(number)
        }
    }

    private func giveUp(_ number: Int) {
        let waiter = state.withLock { state -> Waiter? in
            guard let place = state.line.firstIndex(where: { $0.number == number }) else {
                state.left.insert(number)
                return nil
            }
            return state.line.remove(at: place)
        }
        waiter?.continuation.resume(returning: false)
    }

    private func leave() {
        let next = state.withLock { state -> Waiter? in
            guard !state.line.isEmpty else {
                state.free += 1
                return nil
            }
            return state.line.removeFirst()
        }
        next?.continuation.resume(returning: true)
    }
}
