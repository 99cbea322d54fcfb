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

    /// What a place in the line is at.
    fileprivate enum Place {
        /// Taken; its task is about to wait.
        case taken
        case waiting(CheckedContinuation<Bool, Never>)
        /// Decided before its task began to wait: whether it is let through.
        case decided(Bool)
    }

    fileprivate struct State {
        var free: Int
        /// The places whose turn has not come, by number, and so in order.
        var line: [Int] = []
        /// Every place until its task has left the line.
        var places: [Int: Place] = [:]
        var nextNumber = 0
    }

    private let state: Mutex<State>
    private let maximumWaiters: Int

    init(limit: Int, maximumWaiters: Int) {
        self.maximumWaiters = maximumWaiters
        state = Mutex(State(free: limit))
    }

    /// How many tasks stand in line.
    var lineLength: Int { state.withLock { $0.line.count } }

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
            state.line.append(state.nextNumber)
            state.places[state.nextNumber] = .taken
            return state.nextNumber
        }
        guard let number else { return }
        let timer = Task {
            try await Task.sleep(until: deadline, clock: .continuous)
            decide(number, false)
        }
        defer { timer.cancel() }
        let isLetThrough = await withTaskCancellationHandler {
            await turn(of: number)
        } onCancel: {
            decide(number, false)
        }
        guard isLetThrough else { throw .late }
    }

    /// Waits for the decision about a place, and gives the place up.
    private func turn(of number: Int) async -> Bool {
        await withCheckedContinuation { continuation in
            let decision = state.withLock { state -> Bool? in
                if case .decided(let decision)? = state.places[number] {
                    state.places[number] = nil
                    return decision
                }
                state.places[number] = .waiting(continuation)
                return nil
            }
            if let decision { continuation.resume(returning: decision) }
        }
    }

    private func decide(_ number: Int, _ isLetThrough: Bool) {
        state.withLock { $0.decide(number, isLetThrough) }?.resume(returning: isLetThrough)
    }

    private func leave() {
        let next = state.withLock { state -> CheckedContinuation<Bool, Never>? in
            guard let first = state.line.first else {
                state.free += 1
                return nil
            }
            return state.decide(first, true)
        }
        next?.resume(returning: true)
    }
}

extension ConcurrencyGate.State {
    /// Takes a place out of the line, and gives back the task to wake.
    ///
    /// A place that is out of it stays as it is.
    fileprivate mutating func decide(_ number: Int, _ isLetThrough: Bool) -> CheckedContinuation<Bool, Never>? {
        guard let index = line.firstIndex(of: number), let place = places[number] else { return nil }
        line.remove(at: index)
        switch place {
        case .waiting(let continuation):
            places[number] = nil
            return continuation
        case .taken:
            places[number] = .decided(isLetThrough)
            return nil
        case .decided: preconditionFailure("a place in the line is not decided")
        }
    }
}
